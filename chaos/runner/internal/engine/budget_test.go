package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// daily is the SLO of these worlds: a budget of a day is known after a day.
func daily() *slo.SLO {
	o := availability()
	o.Service, o.Window = "probe", 24*time.Hour
	return o
}

// generated is the file of rules that the generator makes of an SLO.
func generated(t *testing.T, o *slo.SLO) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "slo.yaml")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := rules.Write(f, rules.FromSLO(*o)); err != nil {
		t.Fatal(err)
	}
	return file
}

// halfSpent are 100 requests a second of which 0.05% failed for as long as is given: half of
// what 99.9% allow.
func halfSpent(past time.Duration) []prom.Series {
	outcome := func(name string, rate float64) prom.Series {
		s := prom.Series{Labels: map[string]string{"__name__": "probe_requests_total", "job": "probe", "outcome": name}}
		for ago := past; ago > 0; ago -= time.Minute {
			s.Points = append(s.Points, prom.Sample{T: time.Now().Add(-ago), V: rate * (past - ago).Seconds()})
		}
		return s
	}
	return []prom.Series{outcome("success", 99.95), outcome("error", 0.05)}
}

// What the engine reads is what the generator records: nothing here names the series.
func TestTheGateReadsTheBudgetThatTheRulesRecord(t *testing.T) {
	file := generated(t, daily())
	for name, tt := range map[string]struct {
		young   bool // there are samples of two hours
		planned map[string]float64
		ignore  bool

		verdict result.Verdict
		reason  result.Reason
		says    string // in the summary
	}{
		"half of the budget is left, and the runs may spend more": {
			planned: map[string]float64{"availability": 0.6}, verdict: result.Inconclusive, reason: result.BudgetExhausted, says: "availability has 50",
		},
		"half of the budget is left, and the runs may spend less": {
			planned: map[string]float64{"availability": 0.4}, verdict: result.Pass,
		},
		"half of the budget is left, and this run alone spends little": {verdict: result.Pass},
		"the budget is overridden": {
			planned: map[string]float64{"availability": 0.6}, ignore: true, verdict: result.Pass, says: "overridden (--ignore-budget): availability has 50",
		},
		"Prometheus does not know enough of the past": {
			young: true, planned: map[string]float64{"availability": 0.6}, verdict: result.Pass,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 15*time.Second)
				w.files, w.ripens = []string{file}, 7*time.Minute
				w.stored = halfSpent(25 * time.Hour)
				if tt.young {
					w.stored = halfSpent(2 * time.Hour)
				}
				x := basic()
				x.SLOs[0].SLO = daily()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				run, err := w.run(ctx, engine.Config{Planned: tt.planned, IgnoreBudget: tt.ignore}, w.paced(x))
				if err != nil || run.Verdict != tt.verdict || run.Reason != tt.reason || !strings.Contains(run.Summary, tt.says) {
					t.Errorf("%s %q, %v: %s", run.Verdict, run.Reason, err, run.Summary)
				}
				if refused := tt.verdict != result.Pass; refused && (run.T0 != nil || w.target.removals > 0) {
					t.Error("something was injected")
				}
				if len(run.Evidence.Before.Budgets) != 1 {
					t.Fatalf("budgets %+v", run.Evidence.Before.Budgets)
				}
				b := run.Evidence.Before.Budgets[0]
				switch known := float64(b.Left); {
				case b.At == nil:
					t.Error("nobody knows when it was read")
				case tt.young != b.Unknown:
					t.Errorf("unknown %v: %+v", b.Unknown, b)
				case tt.young && (b.Covered == nil || *b.Covered < 0.04 || *b.Covered > 0.13):
					t.Errorf("covered %v of a day, after two hours", b.Covered)
				case !tt.young && (known < 0.48 || known > 0.52):
					t.Errorf("%g of the budget are left, want about a half", known)
				}
			})
		})
	}
}

func TestAPrometheusThatIsAskedForTheBudgetInVainRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Second)
		w.wrap = func(q engine.Querier) engine.Querier { return deaf{q} }
		run, err := w.run(t.Context(), engine.Config{}, w.paced(basic()))
		if err != nil || run.Verdict != result.Inconclusive || run.Reason != result.PrometheusUnreachable {
			t.Errorf("%s %q, %v: %s", run.Verdict, run.Reason, err, run.Summary)
		}
	})
}

// deaf does not answer what is asked about budgets.
type deaf struct{ engine.Querier }

func (d deaf) Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error) {
	if strings.Contains(expr, "budget") {
		return prom.Sample{}, prom.ErrUnreachable
	}
	return d.Querier.Instant(ctx, expr, at)
}
