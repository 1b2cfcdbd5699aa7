package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Touched names, as NAMESPACE/KIND/NAME, every workload that a run of the faults could
// hit, whichever of its pods are drawn. What no selector matches touches nothing.
func (t *Target) Touched(ctx context.Context, fs []fault.Fault) ([]string, error) {
	all := map[string]bool{}
	for _, f := range fs {
		if !fault.SelectsPods(f) {
			continue // Plan refuses it
		}
		every := f.Selector
		every.Mode, every.Value = v1alpha1.AllMode, ""
		hit, err := t.draw(ctx, f, every, nil)
		switch {
		case errors.Is(err, fault.ErrNoTarget):
		case err != nil:
			return nil, fmt.Errorf("%s: %w", f.ID(), err)
		}
		for _, h := range hit {
			all[h.Namespace+"/"+h.Workload] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// loadLabels are those of the load generator's pods, as the probe chart has them.
const loadLabels = nameLabel + "=" + watchedByProbe

// CheckLoad looks for the load generator in a namespace: without it the SLOs would be
// about nothing.
func (c *Cluster) CheckLoad(ctx context.Context, namespace string) error {
	pods, err := c.Kubernetes.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: loadLabels})
	if err != nil {
		return fmt.Errorf("%w: look for the load generator, pods of namespace %s with label %s: %w; with --no-load it is not looked for", fault.ErrUnreachable, namespace, loadLabels, err)
	}
	for _, p := range pods.Items {
		if serves(&p) {
			return nil
		}
	}
	return fmt.Errorf("%w: no pod of namespace %s with label %s is ready: there is no load; install the chart probe, or give --no-load when the SLOs are about traffic that is there anyway", fault.ErrUnreachable, namespace, loadLabels)
}
