package cluster

import (
	"fmt"
	"slices"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// books are what Chaos Mesh notes about one of its objects. They say what the controller
// did, not whether that had an effect.
type books struct {
	status v1alpha1.ChaosStatus
	// leaving is true once the object's deletion was asked for.
	leaving bool
}

// readBooks reads the status of an object. One without a status has empty books.
func readBooks(u *unstructured.Unstructured) (books, error) {
	b := books{leaving: u.GetDeletionTimestamp() != nil}
	status, ok := u.Object["status"].(map[string]any)
	if !ok {
		return b, nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(status, &b.status); err != nil {
		return b, fmt.Errorf("status of %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return b, nil
}

// entry is what the books say about one target.
type entry struct {
	known    bool // there is a record for the target
	injected bool // it was injected and not recovered since
	text     string
}

// of reads the record of a target, namespace/pod[/container], under the primary
// selector. The phase is open-ended ("Not Injected/Wait" and others): only the exact
// words count. A phase without a success behind it counts as nothing: conditions say
// AllRecovered also where nothing was ever injected.
func (b books) of(id string) entry {
	i := slices.IndexFunc(b.status.Experiment.Records, func(r *v1alpha1.Record) bool {
		return r != nil && r.Id == id && (r.SelectorKey == "." || r.SelectorKey == "")
	})
	if i < 0 {
		return entry{text: b.without()}
	}
	r := b.status.Experiment.Records[i]
	e := entry{known: true, injected: r.Phase == v1alpha1.Injected && r.InjectedCount > 0}
	switch failure := lastFailure(r); {
	case e.injected:
		e.text = "Chaos Mesh has injected it"
	case b.status.Experiment.DesiredPhase == v1alpha1.StoppedPhase:
		e.text = "its duration is over: Chaos Mesh has ended it"
	case failure != "":
		e.text = fmt.Sprintf("Chaos Mesh could not inject it: %s", failure)
	default:
		e.text = fmt.Sprintf("Chaos Mesh has not injected it yet: %s", r.Phase)
	}
	return e
}

// without says why there is no record for a target.
func (b books) without() string {
	switch {
	case b.selected() == corev1.ConditionFalse:
		return "Chaos Mesh selected no target: the pod is gone or its namespace is not one that faults may hit"
	case len(b.status.Experiment.Records) > 0:
		return "Chaos Mesh left this target out: the pod is gone since it was planned"
	}
	return "Chaos Mesh has not looked at the fault yet; is its controller running?"
}

func (b books) selected() corev1.ConditionStatus {
	for _, c := range b.status.Conditions {
		if c.Type == v1alpha1.ConditionSelected {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

// lastFailure is the newest failed attempt to inject, unless a later one succeeded. The
// list holds the last 100 events.
func lastFailure(r *v1alpha1.Record) string {
	for _, e := range slices.Backward(r.Events) {
		if e.Operation != v1alpha1.Apply {
			continue
		}
		if e.Type == v1alpha1.TypeFailed {
			return e.Message
		}
		return ""
	}
	return ""
}
