package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/ballast-sre/ballast/internal/document"
)

// matcher decides whether a selector chooses a pod, before the mode thins out.
type matcher func(Pod) bool

// matcherOf compiles a selector with the meaning that Chaos Mesh gives it:
//
//   - pods, when given, decides alone; everything else is ignored;
//   - otherwise every part must match, a part that is absent matches all;
//   - nodes and nodeSelectors form one set of nodes, the union of both;
//   - of podPhaseSelectors one plain phase must match, and no negated one ("!Failed");
//   - neither readiness nor phase matters otherwise: pods that are not running
//     are chosen too.
//
// Namespaces that are absent mean defaultNamespace.
func matcherOf(spec v1alpha1.PodSelectorSpec, defaultNamespace string) (matcher, error) {
	if len(spec.Pods) > 0 {
		return func(p Pod) bool { return slices.Contains(spec.Pods[p.Namespace], p.Name) }, nil
	}
	byLabel, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{
		MatchLabels: spec.LabelSelectors, MatchExpressions: spec.ExpressionSelectors,
	})
	if err != nil {
		return nil, fmt.Errorf("labelSelectors or expressionSelectors: %w", err)
	}
	byAnnotation, err := labels.ValidatedSelectorFromSet(spec.AnnotationSelectors)
	if err != nil {
		return nil, fmt.Errorf("annotationSelectors: %w; Chaos Mesh takes only values that could be labels", err)
	}
	byPhase, err := phases(spec.PodPhaseSelectors)
	if err != nil {
		return nil, fmt.Errorf("podPhaseSelectors: %w", err)
	}
	byField, err := fields(spec.FieldSelectors)
	if err != nil {
		return nil, fmt.Errorf("fieldSelectors: %w", err)
	}
	byNode, err := labels.ValidatedSelectorFromSet(spec.NodeSelectors)
	if err != nil {
		return nil, fmt.Errorf("nodeSelectors: %w", err)
	}
	namespaces := spec.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{defaultNamespace}
	}
	anyNode := len(spec.Nodes) == 0 && len(spec.NodeSelectors) == 0
	return func(p Pod) bool {
		onNode := anyNode || slices.Contains(spec.Nodes, p.Node) ||
			len(spec.NodeSelectors) > 0 && p.Node != "" && byNode.Matches(labels.Set(p.NodeLabels))
		return onNode &&
			slices.Contains(namespaces, p.Namespace) &&
			byLabel.Matches(labels.Set(p.Labels)) &&
			byAnnotation.Matches(labels.Set(p.Annotations)) &&
			byPhase(p) && byField(p)
	}, nil
}

func phases(selectors []string) (matcher, error) {
	parsed, err := labels.Parse(strings.Join(selectors, ","))
	if err != nil {
		return nil, err
	}
	requirements, _ := parsed.Requirements()
	var wanted, unwanted []string
	known := []string{"Pending", "Running", "Succeeded", "Failed", "Unknown"}
	for _, r := range requirements {
		switch r.Operator() {
		case selection.Exists:
			wanted = append(wanted, r.Key())
		case selection.DoesNotExist:
			unwanted = append(unwanted, r.Key())
		default:
			return nil, fmt.Errorf("%q is not a phase; write Running, or !Running for all others", r.String())
		}
		if !slices.Contains(known, r.Key()) {
			return nil, fmt.Errorf("unknown phase %q%s", r.Key(), document.Suggest(r.Key(), known))
		}
	}
	return func(p Pod) bool {
		return (len(wanted) == 0 || slices.Contains(wanted, p.Phase)) && !slices.Contains(unwanted, p.Phase)
	}, nil
}

// fields supports the field selectors that Chaos Mesh's controller answers for
// pods, and no others: it matches no pod by a field that it does not know.
func fields(selectors map[string]string) (matcher, error) {
	get := map[string]func(Pod) string{
		"metadata.name":            func(p Pod) string { return p.Name },
		"metadata.namespace":       func(p Pod) string { return p.Namespace },
		"spec.nodeName":            func(p Pod) string { return p.Node },
		"spec.restartPolicy":       func(p Pod) string { return p.RestartPolicy },
		"spec.schedulerName":       func(p Pod) string { return p.Scheduler },
		"spec.serviceAccountName":  func(p Pod) string { return p.ServiceAccount },
		"status.phase":             func(p Pod) string { return p.Phase },
		"status.podIP":             func(p Pod) string { return p.IP },
		"status.nominatedNodeName": func(p Pod) string { return p.NominatedNode },
	}
	for _, name := range slices.Sorted(maps.Keys(selectors)) {
		if get[name] == nil {
			return nil, fmt.Errorf("unknown field %q%s", name, document.Suggest(name, slices.Collect(maps.Keys(get))))
		}
	}
	return func(p Pod) bool {
		for name, want := range selectors {
			if get[name](p) != want {
				return false
			}
		}
		return true
	}, nil
}
