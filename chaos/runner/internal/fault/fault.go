// Package fault knows Chaos Mesh objects: how to read them strictly, which
// targets their selector and mode choose, and what was planned, seen and left
// behind. It is pure: targets inject.
package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

// Why a target cannot go on. A target wraps these with what it saw; the engine
// turns each into its reason with errors.Is.
var (
	ErrNoTarget      = errors.New("the selector matches no target")
	ErrBusy          = errors.New("the targets are in use by another run")
	ErrUnreachable   = errors.New("the target is unreachable")
	ErrNotInjectable = errors.New("this target cannot do that fault")
	ErrPartial       = errors.New("only some targets were injected")
	ErrKillSwitch    = errors.New("the kill switch is set")
)

// RunID names one run of one experiment. It is a DNS label, unique on this
// machine and in a cluster, and is the label that everything of the run carries.
type RunID string

// Fault is one Chaos Mesh object as its author wrote it, defaulted and validated
// by the pinned API's own webhook code.
type Fault struct {
	Kind   string // PodChaos, NetworkChaos, …
	Action string // pod-kill, delay, …; for StressChaos the stressors joined by "+": cpu, memory
	Name   string // metadata.name
	// Namespace is metadata.namespace, empty when the author left it to the run.
	Namespace string

	File string
	Line int

	// Object is the decoded object, of Chaos Mesh or of the runner itself, which [Own]
	// tells. Do not change it: copy it first.
	Object v1alpha1.InnerObject
	// YAML is the document as it stands in the file, for the evidence.
	YAML string

	Selector Selector // the primary selector, ".": who is hit
	// Duration of a continuous fault, counted from its creation; 0 when the
	// author gave none and on one-shots.
	Duration time.Duration
	// OneShot is true for faults that happen once and have no duration
	// (pod-kill, container-kill).
	OneShot bool
}

// ID names a fault in messages: kind/name.
func (f Fault) ID() string { return f.Kind + "/" + f.Name }

// Selector is Chaos Mesh's selector with its mode.
type Selector struct {
	v1alpha1.PodSelector
	ContainerNames []string // only of container faults; empty means the first
	// PerContainer is true for faults whose targets are containers, not pods.
	PerContainer bool
}

// Pod is what selection needs to know of one pod, on any target.
type Pod struct {
	Namespace   string
	Name        string
	UID         string
	Workload    string // kind/name of the owning workload; blast radius is counted per workload
	Labels      map[string]string
	Annotations map[string]string
	Node        string
	NodeLabels  map[string]string
	// NominatedNode is where a pending pod may be placed once others have left.
	NominatedNode  string
	IP             string // the first of its addresses
	ServiceAccount string
	Scheduler      string
	RestartPolicy  string
	Phase          string // Pending, Running, …
	Ready          bool
	// BackOff is true where a container ended a short time ago, and is started ever later
	// when it ends again.
	BackOff    bool
	Containers []string
}

// Target is one thing that a fault hits: a pod, or one container of it.
type Target struct {
	Namespace string
	Pod       string
	UID       string
	Container string // empty for pod faults
	Workload  string
}

// ID is namespace/pod[/container], the form of Chaos Mesh's own records.
func (t Target) ID() string {
	id := t.Namespace + "/" + t.Pod
	if t.Container != "" {
		id += "/" + t.Container
	}
	return id
}

// Plan is what a run would do: every fault with the targets that it will hit.
type Plan struct {
	Run    RunID
	Faults []Planned
}

// Planned is one fault of a plan.
type Planned struct {
	Fault   Fault
	Targets []Target
	// Peers are the pods at the far end of the traffic that is shaped, where the fault
	// names one. Nothing is done to them, and they are not part of the blast radius.
	Peers []Target
	// Ready counts the ready pods of each workload that is hit: the base of the
	// blast radius in percent.
	Ready map[string]int
	// Blinds is true when a target is the run's own instrument, the load generator. The
	// bounds on the instrument's fitness cannot be checked then.
	Blinds bool
	// Emulated is empty when the fault is done as Chaos Mesh does it, else one
	// sentence on what stands in for what.
	Emulated string
}

// Radius is how much of the platform a plan touches.
type Radius struct {
	Targets int // distinct pods over all faults
	// Percent of the ready pods of the workload that is hit hardest, 0 to 100.
	Percent float64
}

// Radius computes the plan's blast radius: distinct pods over all its faults.
func (p Plan) Radius() Radius {
	seen := map[string]bool{}
	hit := map[string]int{}
	ready := map[string]int{}
	for _, f := range p.Faults {
		for w, n := range f.Ready {
			ready[w] = max(ready[w], n)
		}
		for _, t := range f.Targets {
			pod := t.Namespace + "/" + t.Pod
			if seen[pod] {
				continue
			}
			seen[pod] = true
			hit[t.Workload]++
		}
	}
	r := Radius{Targets: len(seen)}
	for w, n := range hit {
		percent := 100.0
		if ready[w] > 0 {
			percent = min(100, 100*float64(n)/float64(ready[w]))
		}
		r.Percent = max(r.Percent, percent)
	}
	return r
}

// Effect is what was measured of one fault on one target. Accepted is not
// measured: only an observation of the target itself or of its path counts.
type Effect struct {
	Fault  string // Fault.ID
	Target Target
	// Injected is false when the injector itself says that it did not act here.
	Injected bool
	// Shown is true when the effect was observed.
	Shown bool
	// Observed says what was measured, with numbers and units, shown or not.
	Observed string
	// Unfelt is true when a load was shown to be applied and the target lost nothing
	// to it: a verdict then says little about what such a load does. Observed has
	// the measurements.
	Unfelt bool
	At     time.Time
}

// Residue is something of a run that should be gone and is not.
type Residue struct {
	Run    RunID
	Kind   string // process, directory, toxic, chaos object, …
	Name   string
	Detail string
}

func (r Residue) String() string {
	return fmt.Sprintf("%s %s of run %s: %s", r.Kind, r.Name, r.Run, r.Detail)
}

// Coverage counts the pods of one planned workload by whether they are under fault now.
type Coverage struct {
	Workload string // kind/name, as in [Planned.Ready]
	Ready    int    // pods that get traffic
	// UnderFault counts those of the ready pods on which a fault of the plan is in place.
	UnderFault int
	// Down counts the pods under fault that get no traffic: a fault that takes pods away
	// covers them, too.
	Down int
}

// Count adds one pod. lasting says that a fault is in place on it, once that one happened
// to it: such a pod is hit until it gets traffic again.
func (c *Coverage) Count(ready, lasting, once bool) {
	switch {
	case !ready && (lasting || once):
		c.Down++
	case ready && lasting:
		c.Ready++
		c.UnderFault++
	case ready:
		c.Ready++
	}
}

// Health is how one planned workload is doing now.
type Health struct {
	Workload string // kind/name, as in [Planned.Ready]
	Wanted   int    // pods that the workload's own spec asks for now
	Ready    int    // pods that get traffic now
	// Autoscaled is true when something else than its author may change Wanted.
	Autoscaled bool
	// Waiting is why a pod that gets no traffic waits to be started, and for how long,
	// where the target knows.
	Waiting string
}
