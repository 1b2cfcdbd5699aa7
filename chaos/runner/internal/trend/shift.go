package trend

import (
	"maps"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// How many runs a shift is seen in: the median of the last few lies outside of the range
// of those before.
const (
	lastRuns   = 5
	rangeRuns  = 10
	neededRuns = lastRuns + rangeRuns
)

// Direction is where a measure went.
type Direction string

// The directions.
const (
	Worse  Direction = "worse"
	Better Direction = "better"
	Steady Direction = "steady"
	TooFew Direction = "too few"
)

// Measure is what is compared between runs. More of each is worse.
type Measure string

// The measures.
const (
	Verdicts  Measure = "verdict" // 1 for a run that was judged and did not pass, else 0
	Detection Measure = "detection"
	Recovery  Measure = "recovery"
)

func measures() []Measure { return []Measure{Verdicts, Detection, Recovery} }

// Shift is how one measure of an experiment changed.
type Shift struct {
	Measure   Measure   `json:"measure"`
	Direction Direction `json:"direction"`
	// N counts the runs that have the measure.
	N int `json:"n"`
	// Since is the first run that was outside of the range, when it ended, and what
	// differed in versions from the run before it; of worse and better alone.
	Since   string     `json:"since,omitempty"`
	At      *time.Time `json:"at,omitempty"`
	Changed []Change   `json:"changed,omitempty"`
	// Median of the last runs; Least and Most are the range of those before.
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Change is a version that differs between two runs; empty where it is not known.
type Change struct {
	What string `json:"what"`
	From string `json:"from"`
	To   string `json:"to"`
}

// having are the runs that have a measure, with its values.
func having(m Measure, runs []Run) (with []Run, values []float64) {
	for _, r := range runs {
		var v float64
		switch m {
		case Verdicts:
			if !r.Judged() {
				continue
			}
			if r.Verdict != result.Pass {
				v = 1
			}
		case Detection:
			if r.Detection == nil {
				continue
			}
			v = float64(*r.Detection)
		case Recovery:
			if r.Recovery == nil {
				continue
			}
			v = float64(*r.Recovery)
		}
		with, values = append(with, r), append(values, v)
	}
	return with, values
}

func detection(r Run) *result.Seconds { return r.Detection }
func recovery(r Run) *result.Seconds  { return r.Recovery }

// values are those of the runs that have one.
func values(runs []Run, of func(Run) *result.Seconds) []float64 {
	var out []float64
	for _, r := range runs {
		if v := of(r); v != nil {
			out = append(out, float64(*v))
		}
	}
	return out
}

// shift goes through all runs, as a change stays one when the runs before it have left the
// range: the last change that was seen is where the measure stands, unless the last runs
// are back within the range that it left.
func shift(m Measure, runs []Run) Shift {
	with, values := having(m, runs)
	out := Shift{Measure: m, Direction: TooFew, N: len(values)}
	if len(values) < neededRuns {
		return out
	}
	out.Direction = Steady
	for end := neededRuns; end <= len(values); end++ {
		before, last := values[end-neededRuns:end-lastRuns], values[end-lastRuns:end]
		least, most, mid := slices.Min(before), slices.Max(before), median(last)
		direction := Steady
		switch {
		case mid > most:
			direction = Worse
		case mid < least:
			direction = Better
		}
		switch {
		case direction != Steady && direction != out.Direction:
			first := end - lastRuns + slices.IndexFunc(last, func(v float64) bool { return v > most && direction == Worse || v < least && direction == Better })
			at := with[first].Ended
			out.Direction, out.Since, out.At = direction, with[first].ID, &at
			out.Changed = changes(with[first-1].versions, with[first].versions)
			out.Median, out.Least, out.Most = mid, least, most
		case out.Direction != Steady && mid >= out.Least && mid <= out.Most:
			out = Shift{Measure: m, Direction: Steady, N: len(values)}
		case out.Direction != Steady:
			out.Median = mid
		}
		if out.Direction == Steady {
			out.Median, out.Least, out.Most = mid, least, most
		}
	}
	return out
}

// changes are the versions that differ, by name.
func changes(from, to map[string]string) []Change {
	all := maps.Clone(from)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, to)
	var out []Change
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if from[what] != to[what] {
			out = append(out, Change{what, from[what], to[what]})
		}
	}
	return out
}
