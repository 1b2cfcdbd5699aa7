package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// action is one fault as this target does it. It is made from the fault alone,
// so that a plan can refuse before anything is touched.
type action interface {
	// emulated says what stands in for what, or is empty.
	emulated() string
	// exclusive is true when nothing else may run on this machine meanwhile.
	exclusive() bool
	// on prepares the action for one pod and injects nothing. before is what was
	// measured of the pod's path when the run was planned.
	on(e *Environment, p *pod, key string, before podBaseline) effector
}

// effector is one action on one pod. inject is called once, undo may be called
// again after an error; observe is called by one goroutine at a time.
type effector interface {
	inject(ctx context.Context) error
	// observe measures the effect. It must not be shown by an injection that did
	// nothing or half of what was asked, nor by a state on the way to another.
	observe(ctx context.Context) observation
	undo(ctx context.Context) error
}

// observation is what one look at a fault's effect came to.
type observation struct {
	shown bool
	// text says what was measured, with numbers and units.
	text string
	// unfelt is true when a load is applied and the pod lost nothing to it.
	unfelt bool
}

func seen(format string, args ...any) observation {
	return observation{shown: true, text: fmt.Sprintf(format, args...)}
}

func unseen(format string, args ...any) observation {
	return observation{text: fmt.Sprintf(format, args...)}
}

// actionFor returns what this target does for a fault, or an error that wraps
// fault.ErrNotInjectable with the reason.
func actionFor(f fault.Fault) (action, error) {
	switch o := f.Object.(type) {
	case *v1alpha1.PodChaos:
		return podAction(&o.Spec)
	case *v1alpha1.NetworkChaos:
		return networkAction(&o.Spec)
	case *v1alpha1.StressChaos:
		return stressAction(&o.Spec)
	}
	return nil, cannot("target local does PodChaos, NetworkChaos and StressChaos only; run it on a cluster")
}

// Exclusive says whether one of the faults needs the machine for itself, as CPU
// stress does: it would starve the instruments of other runs. A fault that this
// target refuses needs nothing.
func Exclusive(fs []fault.Fault) bool {
	return slices.ContainsFunc(fs, func(f fault.Fault) bool {
		a, err := actionFor(f)
		return err == nil && a.exclusive()
	})
}

// cannot is a refusal with its reason.
func cannot(format string, args ...any) error {
	return fmt.Errorf("%w: %w", fault.ErrNotInjectable, fmt.Errorf(format, args...))
}
