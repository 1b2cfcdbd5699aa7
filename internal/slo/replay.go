package slo

import (
	"slices"
	"sort"
	"time"
)

// Tally is what had been counted of an SLO by one scrape, since counting began.
type Tally struct {
	T          time.Time // of the scrape
	Bad, Total float64
}

// Stretch is a time in which the condition of an alert is met: from Start on, and at End
// no longer. Where it may go on, End is the end of what is known.
type Stretch struct{ Start, End time.Time }

// Burning is the condition of a burn alert in the time of its target. It is met while
// the error ratios over both windows are above Threshold and more than Least events of
// the long one are bad.
type Burning struct {
	Long, Short time.Duration
	Threshold   float64
	Least       float64
}

// ReplayTolerance is by which share of its threshold a condition that is replayed may
// differ from what Prometheus computes. All series are counted as one here, while
// PromQL extrapolates each by itself to the ends of its window; what was before the run
// is known at a hundred points of a window.
const ReplayTolerance = 0.05

// Nearly is the condition eased by the tolerance, and by the one event by which
// extrapolation to the ends of a window may be off.
func (b Burning) Nearly() Burning {
	b.Threshold *= 1 - ReplayTolerance
	b.Least--
	return b
}

// Met returns when the condition was met in [from, to], given what was counted. The
// tallies ascend in time and reach back as far before from as they are known: what was
// before the first is unknown, as it is to Prometheus. Gaps of more than two scrapes
// are filled in evenly.
func (b Burning) Met(tallies []Tally, scrape time.Duration, from, to time.Time) []Stretch {
	if len(tallies) == 0 || to.Before(from) {
		return nil
	}
	// The ratios change only when a sample comes into a window or leaves it.
	changes := []time.Time{from}
	for _, t := range tallies {
		for _, at := range []time.Time{t.T, t.T.Add(b.Long), t.T.Add(b.Short)} {
			if at.After(from) && !at.After(to) {
				changes = append(changes, at)
			}
		}
	}
	slices.SortFunc(changes, time.Time.Compare)
	changes = slices.CompactFunc(changes, time.Time.Equal)
	var out []Stretch
	open := false
	for _, at := range changes {
		met := b.metAt(tallies, scrape, at)
		switch {
		case met && !open:
			out = append(out, Stretch{Start: at, End: to})
		case !met && open:
			out[len(out)-1].End = at
		}
		open = met
	}
	return out
}

func (b Burning) metAt(tallies []Tally, scrape time.Duration, at time.Time) bool {
	long, ok := overWindow(tallies, scrape, at, b.Long)
	if !ok || long.ratio() <= b.Threshold || b.Least > 0 && long.bad*long.extrapolated <= b.Least {
		return false
	}
	short, ok := overWindow(tallies, scrape, at, b.Short)
	return ok && short.ratio() > b.Threshold
}

// increase is what rate and increase see of a window.
type increase struct {
	bad, total float64
	// extrapolated is by how much increase makes more of it than was counted.
	extrapolated float64
}

func (i increase) ratio() float64 { return clean(i.bad / i.total) }

// overWindow counts between the first and the last sample in (at-window, at]. ok is false
// where there are no two, or no event between them.
func overWindow(tallies []Tally, scrape time.Duration, at time.Time, window time.Duration) (increase, bool) {
	start := at.Add(-window)
	last := sort.Search(len(tallies), func(i int) bool { return tallies[i].T.After(at) }) - 1
	first := sort.Search(len(tallies), func(i int) bool { return tallies[i].T.After(start) })
	if last < 0 || first >= len(tallies) {
		return increase{}, false
	}
	begin, between := tallies[first], last-first
	if first > 0 && begin.T.Sub(tallies[first-1].T) > 2*scrape {
		begin, between = interpolated(tallies[first-1], begin, start), between+1
	}
	end := tallies[last]
	sampled := end.T.Sub(begin.T)
	if between < 1 || sampled <= 0 || end.Total <= begin.Total {
		return increase{}, false
	}
	// As PromQL does: to the end of the window where the next sample is due there, else
	// by half of the usual distance.
	step := sampled / time.Duration(between)
	beyond := func(gap time.Duration) time.Duration {
		if gap >= step+step/10 {
			return step / 2
		}
		return gap
	}
	reach := sampled + beyond(begin.T.Sub(start)) + beyond(at.Sub(end.T))
	return increase{
		bad: max(0, end.Bad-begin.Bad), total: end.Total - begin.Total,
		extrapolated: reach.Seconds() / sampled.Seconds(),
	}, true
}

// interpolated is what was counted at a time between two tallies.
func interpolated(a, b Tally, at time.Time) Tally {
	share := at.Sub(a.T).Seconds() / b.T.Sub(a.T).Seconds()
	return Tally{T: at, Bad: a.Bad + share*(b.Bad-a.Bad), Total: a.Total + share*(b.Total-a.Total)}
}
