package cluster

import (
	"fmt"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// shortName is how long the given part of a created object's name may be. Chaos Mesh
// makes an annotation of a pod-failure's name and the container's; where both are over
// 26 characters long it cuts them, and two of them can become the same.
const shortName = 12

// objectOf is what is created for one fault of a plan: the author's object, bound to the
// pods of the plan, under a name of its own and with the labels of the run. Kinds
// without pods keep their selector.
func objectOf(run fault.RunID, experiment, namespace string, p fault.Planned) (*unstructured.Unstructured, error) {
	obj := p.Fault.Object
	if fault.SelectsPods(p.Fault) {
		pinned, err := fault.Pinned(p.Fault, p.Targets, p.Peers)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Fault.ID(), err)
		}
		obj = pinned
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Fault.ID(), err)
	}
	delete(content, "status")
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(p.Fault.Kind))
	u.SetName("")
	u.SetGenerateName(strings.TrimRight(p.Fault.Name[:min(len(p.Fault.Name), shortName)], "-.") + "-")
	if p.Fault.Namespace != "" {
		namespace = p.Fault.Namespace
	}
	u.SetNamespace(namespace)
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[RunLabel], labels[ExperimentLabel], labels[ManagedByLabel] = string(run), labelValue(experiment), ManagedBy
	u.SetLabels(labels)
	u.SetAnnotations(withFault(u.GetAnnotations(), p.Fault))
	u.SetCreationTimestamp(metav1.Time{})
	return u, nil
}

// annotationFault holds the fault's ID, by which an object is found that has a name of
// its own.
const annotationFault = "ballast.dev/fault"

func withFault(annotations map[string]string, f fault.Fault) map[string]string {
	out := map[string]string{annotationFault: f.ID()}
	for k, v := range annotations {
		out[k] = v
	}
	return out
}

// labelValue cuts a name to what a label takes.
func labelValue(name string) string {
	const most = 63
	return strings.TrimRight(name[:min(len(name), most)], "-._")
}
