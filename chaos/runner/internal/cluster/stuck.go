package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// StuckError is an object that is still there though its removal was asked for.
type StuckError struct {
	Object *unstructured.Unstructured // as it was last seen
	Err    error                      // of the last request that failed; nil when the API server accepted all
}

func (e *StuckError) Unwrap() error { return e.Err }

func (e *StuckError) Error() string {
	return fmt.Sprintf("%s %s/%s is still there: %s", e.Object.GetKind(), e.Object.GetNamespace(), e.Object.GetName(), e.detail())
}

// Residue is the object as the audit reports it.
func (e *StuckError) Residue() fault.Residue {
	return fault.Residue{
		Run:    fault.RunID(e.Object.GetLabels()[RunLabel]),
		Kind:   e.Object.GetKind(),
		Name:   e.Object.GetNamespace() + "/" + e.Object.GetName(),
		Detail: e.detail(),
	}
}

// detail says why it is stuck and how to free it, the safest way first.
func (e *StuckError) detail() string {
	if e.Object.GetDeletionTimestamp() == nil {
		why := "its removal was not accepted"
		if e.Err != nil {
			why += ": " + e.Err.Error()
		}
		return why + "; remove it with: " + e.kubectl("delete")
	}
	parts := []string{"its removal was accepted and it waits for finalizers " + strings.Join(e.Object.GetFinalizers(), ", ")}
	if e.Err != nil {
		parts = append(parts, "it could not be watched: "+e.Err.Error())
	}
	failures, pods := e.failures()
	parts = append(parts, failures...)
	if len(failures) == 0 {
		parts = append(parts, "Chaos Mesh recorded no failed recovery: look whether its controller runs, and whether its daemon runs on the node of each target")
	}
	return strings.Join(parts, "; ") + ". " + e.free(pods)
}

// failures are the recoveries that failed, a line for each record that is not
// recovered, and the pods of those records.
func (e *StuckError) failures() (lines, pods []string) {
	for _, r := range recordsOf(e.Object) {
		if r.Phase == v1alpha1.NotInjected {
			continue
		}
		// The events are capped, so that this is a count of those that are kept.
		var count int
		var last v1alpha1.RecordEvent
		for _, event := range r.Events {
			if event.Operation == v1alpha1.Recover && event.Type == v1alpha1.TypeFailed {
				count, last = count+1, event
			}
		}
		if parts := strings.Split(r.Id, "/"); len(parts) == 2 || len(parts) == 3 {
			if pod := parts[0] + "/" + parts[1]; e.hitsPods() && !slices.Contains(pods, pod) {
				pods = append(pods, pod)
			}
		}
		if count == 0 {
			continue
		}
		at := ""
		if last.Timestamp != nil {
			at = " at " + last.Timestamp.UTC().Format(time.RFC3339)
		}
		lines = append(lines, fmt.Sprintf("recovery of %s failed %d times, last%s: %s", r.Id, count, at, last.Message))
	}
	return lines, pods
}

// hitsPods is false for the kinds whose records name machines or resources of a cloud.
func (e *StuckError) hitsPods() bool {
	switch e.Object.GetKind() {
	case v1alpha1.KindAWSChaos, v1alpha1.KindAzureChaos, v1alpha1.KindGCPChaos, v1alpha1.KindPhysicalMachineChaos:
		return false
	default:
		return true
	}
}

func (e *StuckError) free(pods []string) string {
	var b strings.Builder
	if len(pods) > 0 {
		b.WriteString("To free it, delete its targets first, as Chaos Mesh takes a pod that is gone for recovered:")
		for _, pod := range pods {
			namespace, name, _ := strings.Cut(pod, "/")
			fmt.Fprintf(&b, " kubectl -n %s delete pod %s;", namespace, name)
		}
		b.WriteString(" only if that does not help, take its finalizers away:")
	} else {
		b.WriteString("To free it, mend what keeps Chaos Mesh from recovering; only if that is impossible, take its finalizers away:")
	}
	b.WriteString(" " + e.kubectl("patch") + ` --type merge -p '{"metadata":{"finalizers":null}}'`)
	b.WriteString(", which undoes nothing: tc and iptables rules, stress and the like stay in each target until its pod is deleted")
	return b.String()
}

func (e *StuckError) kubectl(verb string) string {
	return fmt.Sprintf("kubectl -n %s %s %s.%s %s", e.Object.GetNamespace(), verb,
		kindOf(e.Object.GetKind()).Resource.Resource, v1alpha1.SchemeGroupVersion.Group, e.Object.GetName())
}

// recordsOf is what Chaos Mesh's controller says of each target of an object; none
// when it says nothing, or something that is not understood.
func recordsOf(o *unstructured.Unstructured) []v1alpha1.Record {
	status, ok, err := unstructured.NestedMap(o.Object, "status", "experiment")
	if !ok || err != nil {
		return nil
	}
	var experiment v1alpha1.ExperimentStatus
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(status, &experiment); err != nil {
		return nil
	}
	out := make([]v1alpha1.Record, 0, len(experiment.Records))
	for _, r := range experiment.Records {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}
