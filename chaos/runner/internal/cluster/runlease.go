package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// LeaseDuration is how long a run is taken to be alive after its Lease changed.
const LeaseDuration = 15 * time.Second

const (
	needsAnnotation = "ballast.dev/needs"
	// acquiringAnnotation is on a Lease until its run may begin.
	acquiringAnnotation = "ballast.dev/acquiring"
	summaryAnnotation   = "ballast.dev/summary"
)

// RunLease is the Lease of a run as it was read.
type RunLease struct {
	Claim
	UID       types.UID
	Version   string    // metadata.resourceVersion
	Created   time.Time // by the API server's clock
	Acquiring bool      // the run waits to hear whether it may begin
	Ended     bool
	Renewed   time.Time     // by the holder's clock: only that it changes means something
	Duration  time.Duration // how long it is valid without a change
	Summary   *Summary      // of an ended run, when it left one that can be read
	// Unreadable says which part cannot be read. Whoever asks has to assume that the
	// run needs everything.
	Unreadable string
}

// ReadLease reads the Lease of a run; it is false for a Lease of something else.
func ReadLease(o metav1.Object) (RunLease, bool) {
	l, ok := o.(*coordinationv1.Lease)
	if !ok || l.Labels[RunLabel] == "" || l.Labels[ManagedByLabel] != ManagedBy {
		return RunLease{}, false
	}
	out := RunLease{
		Claim:     Claim{Run: fault.RunID(l.Labels[RunLabel]), Experiment: l.Labels[ExperimentLabel]},
		UID:       l.UID,
		Version:   l.ResourceVersion,
		Created:   l.CreationTimestamp.Time,
		Acquiring: l.Annotations[acquiringAnnotation] != "",
		Ended:     l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "",
		Duration:  LeaseDuration,
	}
	if !out.Ended {
		out.Holder = *l.Spec.HolderIdentity
	}
	if l.Spec.RenewTime != nil {
		out.Renewed = l.Spec.RenewTime.Time
	}
	if s := l.Spec.LeaseDurationSeconds; s != nil && *s > 0 {
		out.Duration = time.Duration(*s) * time.Second
	}
	if err := json.Unmarshal([]byte(l.Annotations[needsAnnotation]), &out.Needs); err != nil {
		out.Unreadable = fmt.Sprintf("annotation %s: %s", needsAnnotation, err)
	}
	var s Summary
	if json.Unmarshal([]byte(l.Annotations[summaryAnnotation]), &s) == nil && out.Ended {
		out.Summary = &s
	}
	return out, true
}

func readLeases(objects []metav1.Object) []RunLease {
	var out []RunLease
	for _, o := range objects {
		if l, ok := ReadLease(o); ok {
			out = append(out, l)
		}
	}
	return out
}

// before orders Leases by age. Two that the API server created within the same
// second are ordered by name, so that all who look at them agree.
func (l RunLease) before(other RunLease) bool {
	return cmp.Or(l.Created.Compare(other.Created), cmp.Compare(l.Run, other.Run)) < 0
}

// LeaseSource is where the Leases of all runs are followed.
func LeaseSource(client kubernetes.Interface, namespace string) Source {
	leases := client.CoordinationV1().Leases(namespace)
	return Source{
		Name:  "leases in " + namespace,
		Every: watchControl,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = RunLabel
			return leases.List(ctx, o)
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = RunLabel
			return leases.Watch(ctx, o)
		},
	}
}
