package guard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func at(seconds int) time.Time { return time.Unix(1000, 0).Add(time.Duration(seconds) * time.Second) }

func leaseUntil(run string, until int) Lease {
	return Lease{Run: run, Experiment: "x", UID: types.UID("lease-" + run), Version: "7", Until: at(until)}
}

func ended(run, experiment string, created int) Lease {
	return Lease{Run: run, Experiment: experiment, UID: types.UID("lease-" + run), Created: at(created), Ended: true}
}

func object(run string, seen int) Object {
	return Object{Key: "podchaos monitor/" + run, Run: run, UID: types.UID("object-" + run), Seen: at(seen)}
}

func deleting(o Object, since int) Object {
	o.Deleting = at(since)
	return o
}

func TestDecide(t *testing.T) {
	for name, tt := range map[string]struct {
		state State
		now   int
		want  Decision
	}{
		"nothing is there": {},
		"a live run keeps its objects, until its lease ends": {
			state: State{Leases: []Lease{leaseUntil("a", 15)}, Objects: []Object{object("a", 0)}},
			now:   14, want: Decision{Wake: at(15)},
		},
		"of a dead run the lease goes first": {
			state: State{Leases: []Lease{leaseUntil("a", 15)}, Objects: []Object{object("a", 0)}},
			now:   15, want: Decision{Leases: []LeaseRemoval{{Lease: leaseUntil("a", 15), Dead: true}}},
		},
		"then its objects, once the API server says that the lease is gone": {
			state: State{Objects: []Object{object("a", 0)}, Known: map[string]bool{"a": true}},
			now:   15, want: Decision{Objects: []Removal{{Object: object("a", 0), Why: WhyDeleted, Confirm: true}}},
		},
		"a dead run without objects leaves a lease, which goes": {
			state: State{Leases: []Lease{leaseUntil("a", 15)}},
			now:   60, want: Decision{Leases: []LeaseRemoval{{Lease: leaseUntil("a", 15), Dead: true}}},
		},
		"what a run left behind goes when it has ended": {
			state: State{Leases: []Lease{ended("a", "x", 0)}, Objects: []Object{object("a", 0)}},
			now:   1, want: Decision{Objects: []Removal{{Object: object("a", 0), Why: WhyEnded}}},
		},
		"an object whose lease was not seen yet is waited for": {
			state: State{Objects: []Object{object("a", 10)}},
			now:   39, want: Decision{Wake: at(40)},
		},
		"an object that never had a lease goes": {
			state: State{Objects: []Object{object("a", 10)}},
			now:   40, want: Decision{Objects: []Removal{{Object: object("a", 10), Why: WhyOrphaned, Confirm: true}}},
		},
		"an object that is being deleted is not deleted again": {
			state: State{Objects: []Object{deleting(object("a", 0), 5)}, Known: map[string]bool{"a": true}, Kill: "stop"},
			now:   24, want: Decision{Wake: at(25)},
		},
		"of an object that is being deleted and does not go Chaos Mesh is reminded": {
			state: State{Objects: []Object{deleting(object("a", 0), 5)}, Known: map[string]bool{"a": true}},
			now:   25, want: Decision{Objects: []Removal{{Object: deleting(object("a", 0), 5), Why: WhyForgot}}},
		},
		"the kill switch ends every run, and their leases stay their own": {
			state: State{
				Leases:  []Lease{leaseUntil("a", 15), ended("b", "y", 0)},
				Objects: []Object{object("a", 0), object("b", 0), object("new", 9)},
				Kill:    "incident",
			},
			now: 10,
			want: Decision{
				Objects: []Removal{{Object: object("a", 0), Why: WhyKilled}, {Object: object("b", 0), Why: WhyKilled}, {Object: object("new", 9), Why: WhyKilled}},
				Wake:    at(15),
			},
		},
		"another run's death is not this one's": {
			state: State{Leases: []Lease{leaseUntil("a", 15), leaseUntil("b", 30)}, Objects: []Object{object("a", 0), object("b", 0)}},
			now:   20, want: Decision{Leases: []LeaseRemoval{{Lease: leaseUntil("a", 15), Dead: true}}, Wake: at(30)},
		},
		"the lease of the last run of each experiment is kept": {
			state: State{Leases: []Lease{ended("a", "x", 2), ended("b", "x", 3), ended("c", "x", 1), ended("d", "y", 0), leaseUntil("e", 90)}},
			now:   50, want: Decision{Leases: []LeaseRemoval{{Lease: ended("a", "x", 2)}, {Lease: ended("c", "x", 1)}}, Wake: at(90)},
		},
		"of two that were created within a second one is kept": {
			state: State{Leases: []Lease{ended("b", "x", 2), ended("a", "x", 2)}},
			want:  Decision{Leases: []LeaseRemoval{{Lease: ended("a", "x", 2)}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Decide(tt.state, at(tt.now))); d != "" {
				t.Errorf("decision (-want +got):\n%s", d)
			}
		})
	}
}

func TestCount(t *testing.T) {
	s := State{
		Leases:  []Lease{leaseUntil("live", 30), leaseUntil("dead", 5), ended("ended", "x", 0), ended("left", "y", 0)},
		Objects: []Object{object("live", 0), object("left", 0), object("orphan", 0), deleting(object("orphan", 1), 2), object("dead", 0)},
	}
	if got, want := Count(s, at(10)), (Counts{Live: 1, Dead: 3, Ended: 2}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}
