package guard

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// orphanAfter is how long an object may be there without a Lease that this guard
// ever saw: the two are watched apart, and the Lease may be seen later.
const orphanAfter = 30 * time.Second

// remindAfter is how long Chaos Mesh is given for an object that was deleted, before it is
// reminded, and between two reminders: its controller may come back at any time.
const remindAfter = 20 * time.Second

// State is what the guard knows of a cluster at a time.
type State struct {
	Leases  []Lease
	Objects []Object
	// Known has the runs whose Lease this guard has seen.
	Known map[string]bool
	// Kill is why the kill switch is set, empty when it is not.
	Kill string
}

// Lease is the Lease of a run, as observed.
type Lease struct {
	Run        string
	Experiment string
	UID        types.UID
	Version    string
	Created    time.Time
	Ended      bool
	// Until is when the run is dead unless the Lease changes before, by this guard's
	// own clock and observation.
	Until time.Time
}

func (l Lease) live(now time.Time) bool { return !l.Ended && now.Before(l.Until) }

// Object is one Chaos Mesh object of a run.
type Object struct {
	Key  string // kind, namespace and name
	Run  string
	UID  types.UID
	Seen time.Time // when this guard saw it first
	// Deleting is when this guard saw first that the API server has accepted its deletion;
	// zero where it has not.
	Deleting time.Time
}

// Decision is what has to be deleted. What cannot be deleted is decided again.
type Decision struct {
	Objects []Removal
	Leases  []LeaseRemoval
	// Wake is when something has to be decided again though nothing changes; zero for never.
	Wake time.Time
}

// Removal is an object to delete.
type Removal struct {
	Object
	Why Why
	// Confirm asks for a look at the API server before: that the run has no Lease is
	// known only from a watch, which may be behind.
	Confirm bool
}

// reminds says whether the object was deleted already.
func (r Removal) reminds() bool { return !r.Deleting.IsZero() }

// LeaseRemoval is a Lease to delete.
type LeaseRemoval struct {
	Lease
	// Dead is true for the Lease of a run that is not known to have ended. It goes
	// only in the version that was observed, so that a run that renewed it meanwhile
	// keeps it. Its objects follow when it is gone: the run cannot come back to them.
	Dead bool
}

// Why an object is deleted.
type Why string

// The reasons.
const (
	WhyKilled   Why = "the kill switch is set"
	WhyEnded    Why = "its run has ended"
	WhyDeleted  Why = "the lease of its run is gone"
	WhyOrphaned Why = "it has a run's label and no lease"
	WhyForgot   Why = "it was deleted and does not go"
)

// Decide is the guard's judgment at the time now.
func Decide(s State, now time.Time) Decision {
	var d Decision
	wake := func(at time.Time) {
		if d.Wake.IsZero() || at.Before(d.Wake) {
			d.Wake = at
		}
	}
	leases := map[string]Lease{}
	for _, l := range s.Leases {
		leases[l.Run] = l
		switch {
		case l.live(now):
			wake(l.Until)
		case !l.Ended:
			d.Leases = append(d.Leases, LeaseRemoval{Lease: l, Dead: true})
		}
	}
	for _, l := range superseded(s.Leases) {
		d.Leases = append(d.Leases, LeaseRemoval{Lease: l})
	}
	for _, o := range s.Objects {
		l, leased := leases[o.Run]
		orphaned := o.Seen.Add(orphanAfter)
		switch {
		case !o.Deleting.IsZero():
			// Chaos Mesh's controller undoes it, unless it has forgotten.
			if due := o.Deleting.Add(remindAfter); now.Before(due) {
				wake(due)
			} else {
				d.Objects = append(d.Objects, Removal{Object: o, Why: WhyForgot})
			}
		case s.Kill != "":
			d.Objects = append(d.Objects, Removal{Object: o, Why: WhyKilled})
		case leased && l.Ended:
			d.Objects = append(d.Objects, Removal{Object: o, Why: WhyEnded})
		case leased: // it lives, or its Lease goes first
		case s.Known[o.Run]:
			d.Objects = append(d.Objects, Removal{Object: o, Why: WhyDeleted, Confirm: true})
		case !now.Before(orphaned):
			d.Objects = append(d.Objects, Removal{Object: o, Why: WhyOrphaned, Confirm: true})
		default:
			wake(orphaned)
		}
	}
	return d
}

// superseded are the ended Leases of each experiment but the newest: that one has
// the summary of its last run.
func superseded(leases []Lease) []Lease {
	newest := newestEnded(leases)
	var out []Lease
	for _, l := range leases {
		if l.Ended && newest[l.Experiment].UID != l.UID {
			out = append(out, l)
		}
	}
	return out
}

// newestEnded is the newest ended Lease of each experiment.
func newestEnded(leases []Lease) map[string]Lease {
	out := map[string]Lease{}
	for _, l := range leases {
		if was, ok := out[l.Experiment]; l.Ended && (!ok || older(was, l)) {
			out[l.Experiment] = l
		}
	}
	return out
}

func older(a, b Lease) bool {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Run, b.Run)) < 0
}

// Counts of runs by their state.
type Counts struct {
	Live  int // their Lease is renewed
	Dead  int // they do not live, and something of them is still there
	Ended int // they ended in order, and their Lease is kept
}

// Count counts the runs at the time now.
func Count(s State, now time.Time) Counts {
	var c Counts
	live, dead := map[string]bool{}, map[string]bool{}
	for _, l := range s.Leases {
		switch {
		case l.live(now):
			live[l.Run] = true
		case l.Ended:
			c.Ended++
		default:
			dead[l.Run] = true
		}
	}
	for _, o := range s.Objects {
		if !live[o.Run] {
			dead[o.Run] = true
		}
	}
	c.Live, c.Dead = len(live), len(dead)
	return c
}

// byKey orders objects, so that a decision does not depend on the order of a watch.
func byKey(objects []Object) {
	slices.SortFunc(objects, func(a, b Object) int { return cmp.Compare(a.Key, b.Key) })
}
