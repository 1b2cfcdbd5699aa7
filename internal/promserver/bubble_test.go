package promserver_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// The whole path, client, API, engine, rules and storage, in virtual time.
func TestAnAlertFiresAtItsSecondInsideABubble(t *testing.T) {
	rules := ruleFile(t, "bubble.yml", `
groups:
  - name: bubble
    rules:
      - record: job:errors:rate4s
        expr: sum(rate(errors_total[4s]))
      - alert: TooManyErrors
        expr: job:errors:rate4s > 1
        for: 2s
        labels: {severity: page}
`)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, promserver.Config{Dir: t.TempDir(), RuleFiles: []string{rules}})
		c := inProcess(t, s, prom.Config{MaxAge: 3 * time.Second})

		start := time.Now()
		const breach, end = 20, 40 // seconds after start
		firing := `ALERTS{alertname="TooManyErrors", alertstate="firing", severity="page"}`
		errs := 0.0
		for second := range end {
			if second >= breach {
				errs += 10
			}
			err := s.Backfill(t.Context(), []prom.Series{{
				Labels: map[string]string{"__name__": "errors_total", "job": "probe"},
				Points: []prom.Sample{{T: time.Now(), V: errs}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)

			// rate over 4 s passes 1/s with the first breaching sample, one evaluation
			// sees it at most 1 s later, and for: 2s adds two more.
			_, err = c.Instant(t.Context(), firing, time.Time{})
			switch {
			case second < breach+2 && !errors.Is(err, prom.ErrNoData):
				t.Fatalf("%s: firing already: %v", time.Since(start), err)
			case second >= breach+3 && err != nil:
				t.Fatalf("%s: not firing: %v", time.Since(start), err)
			}
		}

		pending, err := c.Range(t.Context(), `ALERTS{alertstate="pending"}`, prom.Window{Start: start, End: time.Now(), Step: 100 * time.Millisecond})
		if err != nil || len(pending) != 1 {
			t.Fatalf("pending: %v, %v", pending, err)
		}
		began := pending[0].Points[0].T.Sub(start)
		if began < breach*time.Second || began > (breach+1)*time.Second {
			t.Errorf("pending since %s, want it within one evaluation of %ds", began, breach)
		}
		fired, err := c.Range(t.Context(), firing, prom.Window{Start: start, End: time.Now(), Step: 100 * time.Millisecond})
		if err != nil || len(fired) != 1 {
			t.Fatalf("firing: %v, %v", fired, err)
		}
		if after := fired[0].Points[0].T.Sub(pending[0].Points[0].T); after != 2*time.Second {
			t.Errorf("fired %s after it was pending, want exactly 2s", after)
		}
		if _, err := c.Instant(t.Context(), `job:errors:rate4s`, time.Time{}); err != nil {
			t.Errorf("recorded series: %v", err)
		}
		// Nothing writes any more: the newest sample grows old while Prometheus'
		// lookback still shows it.
		time.Sleep(4 * time.Second)
		if v, err := c.Instant(t.Context(), `sum(errors_total)`, time.Time{}); !errors.Is(err, prom.ErrStale) {
			t.Errorf("a counter that nobody writes: %v, %v, want stale", v, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// An alert is written at the first evaluation that sees it.
func TestAlertsAreWrittenFromTheFirstEvaluation(t *testing.T) {
	rules := ruleFile(t, "first.yml", `
groups:
  - name: first
    rules: [{alert: Always, expr: vector(1)}]
`)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, promserver.Config{Dir: t.TempDir(), RuleFiles: []string{rules}, Evaluation: time.Minute})
		c := inProcess(t, s, prom.Config{})
		time.Sleep(2 * time.Minute) // the first is within two intervals
		synctest.Wait()
		series, err := c.Range(t.Context(), `count_over_time(ALERTS{alertstate="firing"}[3m])`,
			prom.Window{Start: time.Now(), End: time.Now(), Step: time.Second})
		if err != nil || len(series) != 1 {
			t.Fatalf("%v, %v", series, err)
		}
		g, err := c.Instant(t.Context(), `count_over_time(ALERTS{alertstate="firing"}[3m])`, time.Time{})
		if err != nil || g.V < 1 {
			t.Errorf("%v, %v", g, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
