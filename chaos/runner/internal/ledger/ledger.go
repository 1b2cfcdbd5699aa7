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
	Run        string         `json:"run"` // empty where it is not known
	Experiment string         `json:"experiment"`
	Target     string         `json:"target"`
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
}

// Charged is whether what the run spent is gone from a budget that clients have. Nobody uses
// what a run on target local breaks.
func (e Entry) Charged() bool { return e.Target != result.TargetLocal }

// Of is the entry of a run on a target.
func Of(r result.Run, target string) Entry {
	e := Entry{
		Run: r.ID, Experiment: r.Name, Target: target, Verdict: r.Verdict, Reason: r.Reason,
		Started: r.Started, Ended: r.Ended, Detection: r.TimeToDetect, Recovery: r.TimeToRecover, Spent: map[string]float64{},
	}
	for _, s := range r.SLIs {
		if s.BudgetSpent != nil && !math.IsNaN(*s.BudgetSpent) && !math.IsInf(*s.BudgetSpent, 0) {
			e.Spent[s.Name] = *s.BudgetSpent
		}
	}
	return e
}

// Fold is the entries of all runs of the reports, the oldest first, each run once: a
// report that was copied counts once. Runs without a fault are not among them.
func Fold(reports []result.Report) []Entry {
	type key struct {
		run     string
		attempt int
		ended   int64
	}
	byRun := map[key]Entry{}
	for _, r := range reports {
		for _, run := range r.Experiments {
			if !run.Control {
				byRun[key{run.ID, run.Attempt, run.Ended.UnixNano()}] = Of(run, r.Target.Kind)
			}
		}
	}
	return slices.SortedFunc(maps.Values(byRun), compare)
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

// Spending is what all charged runs together spent of each SLO's budget.
func Spending(entries []Entry) map[string]float64 {
	total := map[string]float64{}
	for _, e := range entries {
		if !e.Charged() {
			continue
		}
		for slo, share := range e.Spent {
			total[slo] += share
		}
	}
	return total
}
