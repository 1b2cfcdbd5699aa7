package manifest

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/policy"

	"github.com/ballast-sre/ballast/platform/policy"
)

// Security says which pods a namespace refuses.
type Security struct{ evaluator podsecurity.Evaluator }

// NewSecurity returns the checks of Kubernetes' own admission.
func NewSecurity() (Security, error) {
	e, err := podsecurity.NewEvaluator(podsecurity.DefaultChecks(), nil)
	if err != nil {
		return Security{}, fmt.Errorf("pod security: %w", err)
	}
	return Security{e}, nil
}

// Forbids returns what a pod may not have at a level, restricted or baseline; nothing: it may.
func (s Security) Forbids(level api.Level, p policy.Pod) string {
	result := podsecurity.AggregateCheckResults(s.evaluator.EvaluatePod(
		api.LevelVersion{Level: level, Version: api.LatestVersion()}, &metav1.ObjectMeta{Labels: p.Labels}, &p.Spec))
	if result.Allowed {
		return ""
	}
	return result.ForbiddenDetail()
}
