package guard

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

// brokenAfter is how long a watch may fail before the guard says that it is unfit:
// a dead man's switch that is itself dead has to be seen.
const brokenAfter = 30 * time.Second

// mirror is the cluster as the watches show it.
type mirror struct {
	changed chan struct{} // holds one when something has changed

	mu       sync.Mutex
	leases   []cluster.RunLease
	observed cluster.Observations
	known    map[string]bool
	kill     string
	objects  map[string][]chaosObject // by source
	contacts map[string]contact       // by source
}

// chaosObject is an object with what its deletion needs.
type chaosObject struct {
	Object
	raw *unstructured.Unstructured
}

// contact is how a watch is doing.
type contact struct {
	at  time.Time // when the API server said something last
	err error     // what failed since
}

func newMirror() *mirror {
	return &mirror{
		changed: make(chan struct{}, 1), known: map[string]bool{},
		objects: map[string][]chaosObject{}, contacts: map[string]contact{},
	}
}

// expect names a source that will be followed: it has until brokenAfter to answer.
func (m *mirror) expect(source string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contacts[source] = contact{at: now}
}

// take lets change take in what a source has shown, or notes that it failed.
func (m *mirror) take(source string, now time.Time, err error, change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.contacts[source] = contact{at: m.contacts[source].at, err: err}
		return
	}
	m.contacts[source] = contact{at: now}
	change()
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// takeLeases is called with the lock held, as are those that follow.
func (m *mirror) takeLeases(objects []metav1.Object, now time.Time) {
	m.leases = nil
	for _, o := range objects {
		if l, ok := cluster.ReadLease(o); ok {
			m.leases = append(m.leases, l)
			m.known[string(l.Run)] = true
		}
	}
	m.observed.See(m.leases, now)
}

func (m *mirror) takeKillSwitch(objects []metav1.Object) { m.kill = cluster.KillReason(objects) }

func (m *mirror) takeObjects(source string, objects []metav1.Object, now time.Time) {
	before := map[types.UID]Object{}
	for _, o := range m.objects[source] {
		before[o.UID] = o.Object
	}
	var next []chaosObject
	for _, o := range objects {
		u, ok := o.(*unstructured.Unstructured)
		run := o.GetLabels()[cluster.RunLabel]
		if !ok || run == "" {
			continue
		}
		known, was := before[u.GetUID()]
		if !was {
			known.Seen = now
		}
		if u.GetDeletionTimestamp() != nil && known.Deleting.IsZero() {
			known.Deleting = now
		}
		next = append(next, chaosObject{raw: u, Object: Object{
			Key: u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName(),
			Run: run, UID: u.GetUID(), Seen: known.Seen, Deleting: known.Deleting,
		}})
	}
	m.objects[source] = next
}

// state is a copy for [Decide].
func (m *mirror) state() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := State{Kill: m.kill}
	there := map[string]bool{}
	for _, l := range m.leases {
		there[string(l.Run)] = true
		s.Leases = append(s.Leases, Lease{
			Run: string(l.Run), Experiment: l.Experiment, UID: l.UID, Version: l.Version,
			Created: l.Created, Ended: l.Ended, Until: m.observed.Until(l),
		})
	}
	for _, objects := range m.objects {
		for _, o := range objects {
			there[o.Run] = true
			s.Objects = append(s.Objects, o.Object)
		}
	}
	// A run of which nothing is there any more does not come back.
	maps.DeleteFunc(m.known, func(run string, _ bool) bool { return !there[run] })
	s.Known = maps.Clone(m.known)
	byKey(s.Objects)
	slices.SortFunc(s.Leases, func(a, b Lease) int { return cmp.Compare(a.Run, b.Run) })
	return s
}

// raw is the object of this UID as it was last seen; nil when it is gone.
func (m *mirror) raw(uid types.UID) *unstructured.Unstructured {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, objects := range m.objects {
		for _, o := range objects {
			if o.UID == uid {
				return o.raw
			}
		}
	}
	return nil
}

// lastRuns has the Lease of the last run that ended, of each experiment.
func (m *mirror) lastRuns() map[string]cluster.RunLease {
	newest := newestEnded(m.state().Leases)
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]cluster.RunLease{}
	for _, l := range m.leases {
		if newest[l.Experiment].UID == l.UID && l.Ended {
			out[l.Experiment] = l
		}
	}
	return out
}

// broken says of each watch that has failed for long what is wrong with it.
func (m *mirror) broken(now time.Time) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, c := range m.contacts {
		if ago := now.Sub(c.at); c.err != nil && ago > brokenAfter {
			out = append(out, fmt.Sprintf("not watched for %s: %s", ago.Round(time.Second), c.err))
		}
	}
	slices.Sort(out)
	return out
}
