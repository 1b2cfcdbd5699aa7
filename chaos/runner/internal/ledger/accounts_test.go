package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// asked is a report of runs on a cluster that one Prometheus judged.
func asked(prometheus string, runs ...result.Run) result.Report {
	r := report("cluster", runs...)
	r.Target.Prometheus = prometheus
	return r
}

// hourly gives the run's SLOs a budget of an hour.
func hourly(r result.Run) result.Run {
	for _, s := range r.SLIs {
		r.Spec.SLOs = append(r.Spec.SLOs, result.SLO{Name: s.Name, Window: result.InSeconds(time.Hour)})
	}
	return r
}

// knowing has the run read what is left of the budget of x, half a minute after it began.
func knowing(r result.Run, left float64) result.Run {
	at := r.Started.Add(30 * time.Second)
	r.Evidence.Before.Budgets = append(r.Evidence.Before.Budgets, result.Budget{SLO: "x", At: &at, Left: result.Number(left)})
	return r
}

func expense(experiment string, spent float64, runs int, last time.Time) ledger.Expense {
	return ledger.Expense{Experiment: experiment, Spent: spent, Runs: runs, Last: last}
}

func x(share float64) map[string]float64 { return map[string]float64{"x": share} }

func TestBudgetsAreKeptApart(t *testing.T) {
	reports := []result.Report{
		asked("http://one", run("a-1", "a", result.Pass, 1, x(0.25)), run("b-1", "b", result.Fail, 2, map[string]float64{"x": 0.5, "y": 0.125})),
		asked("http://one", run("a-2", "a", result.Pass, 3, x(0.125))),
		asked("http://two", run("a-3", "a", result.Pass, 4, x(0.0625))),
		report("cluster", run("a-4", "a", result.Pass, 5, x(0.5))),
		report("local", run("a-5", "a", result.Fail, 6, x(1))),
	}
	last := func(minutes int) time.Time { return noon().Add(time.Duration(minutes) * time.Minute) }
	want := []ledger.Account{
		{SLO: "x", Target: "cluster", Spent: 0.5, Runs: 1, By: []ledger.Expense{expense("a", 0.5, 1, last(5))}},
		{SLO: "x", Target: "cluster", Prometheus: "http://one", Spent: 0.875, Runs: 3, By: []ledger.Expense{expense("b", 0.5, 1, last(2)), expense("a", 0.375, 2, last(3))}},
		{SLO: "x", Target: "cluster", Prometheus: "http://two", Spent: 0.0625, Runs: 1, By: []ledger.Expense{expense("a", 0.0625, 1, last(4))}},
		{SLO: "y", Target: "cluster", Prometheus: "http://one", Spent: 0.125, Runs: 1, By: []ledger.Expense{expense("b", 0.125, 1, last(2))}},
	}
	got := ledger.Accounts(ledger.Fold(append(reports, reports...)), noon().Add(time.Hour))
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestWhatIsOlderThanThePeriodIsNotCounted(t *testing.T) {
	reports := []result.Report{asked("", hourly(run("a-1", "a", result.Pass, 0, x(0.5))), hourly(run("a-2", "a", result.Pass, 30, x(0.25))))}
	for name, tt := range map[string]struct {
		after time.Duration
		want  float64
		runs  int
	}{
		"both are in the period":   {time.Hour, 0.75, 2},
		"one has left the period":  {time.Hour + time.Second, 0.25, 1},
		"all of them have left it": {2 * time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := ledger.Accounts(ledger.Fold(reports), noon().Add(tt.after))
			if len(got) != 1 || got[0].Spent != tt.want || got[0].Runs != tt.runs || got[0].Window != 3600 {
				t.Errorf("%+v, want %g by %d runs", got, tt.want, tt.runs)
			}
		})
	}
}

func TestWhatIsLeftForChaos(t *testing.T) {
	unknown := run("u-1", "u", result.Pass, 6, x(0.0625))
	unknown.Evidence.Before.Budgets = []result.Budget{{SLO: "x", Unknown: true}}
	for name, tt := range map[string]struct {
		runs  []result.Run
		after time.Duration
		want  *float64
	}{
		"what Prometheus knew, less what the run itself spent": {
			[]result.Run{knowing(run("a-1", "a", result.Pass, 2, x(0.25)), 0.75)}, time.Hour, share(0.5),
		},
		"what was spent before it was asked is not taken off twice": {
			[]result.Run{run("a-1", "a", result.Pass, 1, x(0.25)), knowing(run("a-2", "a", result.Pass, 5, x(0.125)), 0.5)}, time.Hour, share(0.375),
		},
		"the newest answer counts, and later runs are taken off": {
			[]result.Run{
				knowing(run("a-1", "a", result.Pass, 1, x(0.25)), 1), knowing(run("a-2", "a", result.Pass, 4, x(0.125)), 0.5), unknown,
			}, time.Hour, share(0.3125),
		},
		"a run that was refused spent nothing": {
			[]result.Run{knowing(run("a-1", "a", result.Inconclusive, 1, nil), -0.25)}, time.Hour, share(-0.25),
		},
		"nobody knew": {[]result.Run{unknown}, time.Hour, nil},
		"an answer that is older than the period": {[]result.Run{hourly(knowing(run("a-1", "a", result.Pass, 1, x(0.25)), 1))}, 3 * time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := ledger.Accounts(ledger.Fold([]result.Report{asked("", tt.runs...)}), noon().Add(tt.after))
			if len(got) != 1 {
				t.Fatalf("accounts %+v", got)
			}
			if d := cmp.Diff(tt.want, got[0].Left, cmpopts.EquateApprox(0, 1e-12)); d != "" {
				t.Error(d)
			}
			if (got[0].Left == nil) != (got[0].LeftAt == nil) {
				t.Errorf("left %v as of %v", got[0].Left, got[0].LeftAt)
			}
		})
	}
}

func share(v float64) *float64 { return &v }
