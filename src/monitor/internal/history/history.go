// Package history keeps what was read: every sample for ten minutes, and the
// mean, minimum and maximum of ten seconds for two hours. Its memory is
// bounded beforehand; what does not fit is left out and named.
package history

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

const (
	// SampleTime is for how long every sample is kept.
	SampleTime = 10 * time.Minute
	// BucketTime is the time that one mean is about.
	BucketTime = 10 * time.Second
	// BucketsTime is for how long means are kept.
	BucketsTime = 2 * time.Hour
)

// Ref names one series: a figure, and what it is about. Item is empty for a
// total.
type Ref struct {
	Name string `json:"series"`
	Item string `json:"item,omitempty"`
}

// ParseRef reads a name such as cpu.busy_percent or disk.used_percent:/home.
func ParseRef(s string) Ref {
	name, item, _ := strings.Cut(s, ":")
	return Ref{Name: name, Item: item}
}

// String is the form that ParseRef reads.
func (r Ref) String() string {
	if r.Item == "" {
		return r.Name
	}
	return r.Name + ":" + r.Item
}

// compare orders totals first, then items by name.
func (r Ref) compare(o Ref) int {
	if (r.Item == "") != (o.Item == "") {
		return btoi(o.Item == "") - btoi(r.Item == "")
	}
	if c := strings.Compare(r.Name, o.Name); c != 0 {
		return c
	}
	return strings.Compare(r.Item, o.Item)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Config is what a History needs.
type Config struct {
	// Collectors are those whose readings are kept.
	Collectors []sample.Name
	// Interval is the time between two readings, and more than 0.
	Interval time.Duration
	// Memory is how many bytes the series may take.
	Memory int
}

// History is the rings. Its methods may be called from several goroutines.
type History struct {
	cfg     Config
	samples int // that a ring has

	mu     sync.RWMutex
	tracks map[sample.Name]*track
	used   int
	// items are the series with an item that are kept, sorted.
	items []Ref
}

// New returns an empty history. It takes no memory until there is a reading.
func New(cfg Config) (*History, error) {
	if cfg.Interval <= 0 || cfg.Memory <= 0 {
		return nil, fmt.Errorf("history: interval %s or memory of %d bytes is not positive", cfg.Interval, cfg.Memory)
	}
	h := &History{
		cfg: cfg, samples: int((SampleTime+cfg.Interval-1)/cfg.Interval) + 1, tracks: make(map[sample.Name]*track),
	}
	for _, name := range cfg.Collectors {
		t := newTrack(h.samples)
		if h.used += t.bytes(); h.used > cfg.Memory {
			return nil, errors.New("history: the memory does not suffice for the times of the samples alone")
		}
		h.tracks[name] = t
	}
	return h, nil
}

// MinMemory is how many bytes the smallest history takes.
func MinMemory(collectors int, interval time.Duration) int {
	return collectors * newTrack(int((SampleTime+interval-1)/interval)+1).bytes()
}

// Record keeps those readings of a snapshot that are new. Snapshots must be
// given in their order.
func (h *History) Record(s *sample.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range s.Statuses {
		t := h.tracks[st.Name]
		if t == nil || !st.Ready() || st.SampledAt.Equal(t.last) {
			continue
		}
		passed := st.SampledAt.Sub(t.last)
		if t.last.IsZero() {
			passed = 0
		}
		t.last = st.SampledAt
		h.keep(t, t.counters.figures(st.Name, s, passed))
	}
}

// keep begins a new sample of the track, with the figures that there are.
func (h *History) keep(t *track, figures []figure) {
	if t.advance(t.last) {
		h.forget(t)
	}
	t.leftOut = t.leftOut[:0]
	// Series that there are not yet come in order, so that what is left
	// out does not depend on the order of a reading.
	var added []figure
	for _, f := range figures {
		if series := t.series[f.ref]; series != nil {
			t.put(series, f.value)
		} else {
			added = append(added, f)
		}
	}
	slices.SortFunc(added, func(a, b figure) int { return a.ref.compare(b.ref) })
	for _, f := range added {
		if series := h.admit(t, f.ref); series != nil {
			t.put(series, f.value)
		} else {
			t.leftOut = append(t.leftOut, f.ref)
		}
	}
}

// admit returns a new series, for which others with a later name may have to
// go; nil if there is no room.
func (h *History) admit(t *track, ref Ref) *series {
	need := t.seriesBytes(ref)
	for h.used+need > h.cfg.Memory {
		if len(h.items) == 0 {
			return nil
		}
		last := h.items[len(h.items)-1]
		if last.compare(ref) <= 0 {
			return nil
		}
		h.drop(last)
	}
	h.used += need
	s := newSeries(h.samples)
	t.series[ref] = s
	if ref.Item != "" {
		i, _ := slices.BinarySearchFunc(h.items, ref, Ref.compare)
		h.items = slices.Insert(h.items, i, ref)
	}
	return s
}

func (h *History) drop(ref Ref) {
	for _, t := range h.tracks {
		if _, ok := t.series[ref]; ok {
			delete(t.series, ref)
			h.used -= t.seriesBytes(ref)
		}
	}
	if i, ok := slices.BinarySearchFunc(h.items, ref, Ref.compare); ok {
		h.items = slices.Delete(h.items, i, i+1)
	}
}

// forget drops series of things that are gone for longer than is kept.
func (h *History) forget(t *track) {
	for ref, s := range t.series {
		if t.last.Sub(s.seen) > BucketsTime {
			h.drop(ref)
		}
	}
}

// Contents is what there is.
type Contents struct {
	Series []Ref
	// LeftOut are series for which there is no memory.
	LeftOut           []Ref
	Memory, UsedBytes int
}

// Contents returns what there is, sorted.
func (h *History) Contents() Contents {
	h.mu.RLock()
	defer h.mu.RUnlock()
	c := Contents{Memory: h.cfg.Memory, UsedBytes: h.used, Series: []Ref{}, LeftOut: []Ref{}}
	for _, t := range h.tracks {
		c.Series = slices.AppendSeq(c.Series, maps.Keys(t.series))
		c.LeftOut = append(c.LeftOut, t.leftOut...)
	}
	slices.SortFunc(c.Series, Ref.compare)
	slices.SortFunc(c.LeftOut, Ref.compare)
	return c
}

// Newest returns the values of the newest readings, by series and item; that
// of a total is under the empty item.
func (h *History) Newest() map[string]map[string]float64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make(map[string]map[string]float64)
	for _, t := range h.tracks {
		for ref, s := range t.series {
			v := s.values[(t.samples-1)%len(t.at)]
			if v != v {
				continue
			}
			if all[ref.Name] == nil {
				all[ref.Name] = make(map[string]float64)
			}
			all[ref.Name][ref.Item] = float64(v)
		}
	}
	return all
}

// Range returns a series between two moments, the oldest first; false when
// there is no such series.
func (h *History) Range(ref Ref, from, to time.Time) (Points, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, t := range h.tracks {
		if s := t.series[ref]; s != nil {
			return t.points(s, from, to), true
		}
	}
	return Points{}, false
}
