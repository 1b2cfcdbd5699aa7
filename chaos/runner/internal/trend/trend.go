// Package trend folds the evidence of many runs over time: how each experiment did, which
// ones waver, what got worse and since when, and how one month compares with the one
// before. It is pure: reports go in, numbers come out.
package trend

import (
	"cmp"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Trends is what many runs show together.
type Trends struct {
	// First and Last are when the oldest and the newest run ended.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Runs counts the runs with a fault, each once.
	Runs        int          `json:"runs"`
	Months      Comparison   `json:"months"`
	Experiments []Experiment `json:"experiments"`
	Versions    []Version    `json:"versions"`
}

// Experiment is one experiment on one target over time.
type Experiment struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Runs   []Run  `json:"runs"` // the oldest first
	// Judged counts the runs that could be judged, Passed those of them that passed.
	Judged    int     `json:"judged"`
	Passed    int     `json:"passed"`
	Flaky     *Flaky  `json:"flaky,omitempty"`
	Detection *Spread `json:"detection,omitempty"`
	Recovery  *Spread `json:"recovery,omitempty"`
	// Shifts are the measures that are worse or better than they were, or that there are
	// too few runs of; one each of verdict, detection and recovery.
	Shifts []Shift `json:"shifts"`
}

// Run is one run of an experiment.
type Run struct {
	ID        string          `json:"id"`
	Ended     time.Time       `json:"ended"`
	Verdict   result.Verdict  `json:"verdict"`
	Reason    result.Reason   `json:"reason,omitempty"`
	Detection *result.Seconds `json:"detection,omitempty"`
	Recovery  *result.Seconds `json:"recovery,omitempty"`
	// versions of what ran and was measured, by name.
	versions map[string]string
}

// Judged says whether the run says something about the service. One that is inconclusive
// does not.
func (r Run) Judged() bool { return r.Verdict != result.Inconclusive }

// Of folds reports, in any order. A run that several reports hold counts once, runs
// without a fault are left out.
func Of(reports []result.Report) Trends {
	versions := versionsOf(reports)
	byName := map[[2]string]*Experiment{}
	var t Trends
	for _, e := range ledger.Fold(reports) {
		key := [2]string{e.Experiment, e.Target}
		x := byName[key]
		if x == nil {
			x = &Experiment{Name: e.Experiment, Target: e.Target}
			byName[key] = x
		}
		x.Runs = append(x.Runs, Run{
			ID: e.Run, Ended: e.Ended, Verdict: e.Verdict, Reason: e.Reason, Detection: e.Detection, Recovery: e.Recovery,
			versions: versions[runKey{e.Run, e.Ended.UnixNano()}],
		})
		if t.Runs == 0 {
			t.First = e.Ended
		}
		t.Last = e.Ended
		t.Runs++
	}
	t.Experiments = []Experiment{}
	for _, x := range byName {
		x.sum()
		t.Experiments = append(t.Experiments, *x)
	}
	slices.SortFunc(t.Experiments, func(a, b Experiment) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Target, b.Target))
	})
	t.Months = months(t.Experiments, t.Last)
	t.Versions = spans(t.Experiments)
	return t
}

func (x *Experiment) sum() {
	for _, r := range x.Runs {
		if r.Judged() {
			x.Judged++
		}
		if r.Verdict == result.Pass {
			x.Passed++
		}
	}
	x.Flaky = flaky(x.Runs)
	x.Detection, x.Recovery = spreadOf(values(x.Runs, detection)), spreadOf(values(x.Runs, recovery))
	for _, m := range measures() {
		x.Shifts = append(x.Shifts, shift(m, x.Runs))
	}
}
