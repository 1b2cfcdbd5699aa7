// Package ledger folds the evidence of many runs: what each cost and showed, and which
// was the last of its experiment. It stores nothing.
package ledger

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Entry is what one run showed and cost.
type Entry struct {
	Run        string `json:"run"` // empty where it is not known
	Experiment string `json:"experiment"`
	Target     string `json:"target"`
	// Prometheus is the URL of the one that was asked; empty on target local, and where the
	// report does not say.
	Prometheus string         `json:"prometheus,omitempty"`
	Verdict    result.Verdict `json:"verdict"`
	Reason     result.Reason  `json:"reason,omitempty"` // empty on a pass
	Started    time.Time      `json:"started"`          // zero where it is not known
	Ended      time.Time      `json:"ended"`
	// Detection is from the fault to the first alert, Recovery from the fault's removal
	// until all held again; nil where that was not seen.
	Detection *result.Seconds `json:"detection,omitempty"`
	Recovery  *result.Seconds `json:"recovery,omitempty"`
	// Spent is the share of its whole error budget that each SLO lost, 1 is all. On
	// target local it is what would have been spent, and is not charged.
	Spent map[string]float64 `json:"spent,omitempty"`

	// periods and left have what is known of an SLO's budget beside its spending.
	periods map[string]time.Duration
	left    map[string]reading
}

// reading is the share of a budget that was left before the fault.
type reading struct {
	share float64
	at    time.Time
}

// Charged is whether what the run spent is gone from a budget that clients have. Nobody uses
// what a run on target local breaks.
func (e Entry) Charged() bool { return e.Target != result.TargetLocal }

// Of is the entry of a run on a target.
func Of(r result.Run, target string) Entry {
	e := Entry{
		Run: r.ID, Experiment: r.Name, Target: target, Verdict: r.Verdict, Reason: r.Reason,
		Started: r.Started, Ended: r.Ended, Detection: r.TimeToDetect, Recovery: r.TimeToRecover, Spent: map[string]float64{},
		periods: map[string]time.Duration{}, left: map[string]reading{},
	}
	for _, s := range r.SLIs {
		if s.BudgetSpent != nil && !math.IsNaN(*s.BudgetSpent) && !math.IsInf(*s.BudgetSpent, 0) {
			e.Spent[s.Name] = *s.BudgetSpent
		}
	}
	for _, s := range r.Spec.SLOs {
		e.periods[s.Name] = s.Window.Duration()
	}
	for _, b := range r.Evidence.Before.Budgets {
		at := r.Started
		if b.At != nil {
			at = *b.At
		}
		if !b.Unknown {
			e.left[b.SLO] = reading{float64(b.Left), at}
		}
	}
	return e
}

// Fold is the entries of all runs of the reports, the oldest first, each run once: a
// report that was copied counts once. Runs without a fault are not among them.
func Fold(reports []result.Report) []Entry {
	var out []Entry
	for _, o := range once(reports) {
		e := Of(o.run, o.target.Kind)
		e.Prometheus = o.target.Prometheus
		out = append(out, e)
	}
	slices.SortFunc(out, compare)
	return out
}

// one is a run, and where it was.
type one struct {
	run    result.Run
	target result.TargetInfo
}

// once are all runs with a fault, each once.
func once(reports []result.Report) []one {
	type key struct {
		run     string
		attempt int
		ended   int64
	}
	seen := map[key]bool{}
	var out []one
	for _, r := range reports {
		for _, run := range r.Experiments {
			k := key{run.ID, run.Attempt, run.Ended.UnixNano()}
			if !run.Control && !seen[k] {
				seen[k] = true
				out = append(out, one{run, r.Target})
			}
		}
	}
	return out
}

// compare orders by time, and what ended at once by name.
func compare(a, b Entry) int {
	return cmp.Or(a.Ended.Compare(b.Ended), cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Run, b.Run))
}

// Last is the last entry of each experiment on each target, by these.
func Last(entries []Entry) []Entry {
	last := map[[2]string]Entry{}
	for _, e := range slices.SortedFunc(slices.Values(entries), compare) {
		last[[2]string{e.Experiment, e.Target}] = e
	}
	return slices.SortedFunc(maps.Values(last), func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.Target, b.Target))
	})
}
