package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

func budgets(t *testing.T) slo.Set {
	t.Helper()
	counter := func(name, total string, objective float64) slo.SLO {
		return slo.SLO{Name: name, Objective: objective, Window: 30 * 24 * time.Hour, Good: total, Total: total}
	}
	set, err := slo.NewSet(
		counter("availability", `probe_requests_total{probe="monitor"}`, 0.999),
		counter("availability-too", `probe_requests_total{probe="monitor"}`, 0.99),
		counter("latency", `probe_request_duration_seconds_count{probe="monitor"}`, 0.99),
		counter("half", `probe_requests_total`, 0.5),
		counter("others", `http_requests_total`, 0.99),
		slo.SLO{Name: "time", Objective: 0.99, Window: 30 * 24 * time.Hour, Slices: &slo.Slices{Query: "q"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestASpentBudgetIsAnIncidentInTheHistory(t *testing.T) {
	spent, err := spentBudgets([]string{"latency=90%", "availability=50%"}, budgets(t))
	if err != nil {
		t.Fatal(err)
	}
	// 30 days are 9.6 hours here. Nine tenths of 1% of all events are 9% of those of a tenth of the period.
	got := incidents(spent)
	near := func(have, want float64) bool { return have > want-1e-9 && have < want+1e-9 }
	if len(got) != 2 || got[0].Begin.Round(time.Second) != 9*time.Hour+7*time.Minute+12*time.Second || got[0].End.Round(time.Second) != 8*time.Hour+9*time.Minute+36*time.Second ||
		!near(got[0].Slow, 0.09) || got[0].Failed != 0 || !near(got[1].Failed, 0.005) || got[1].Slow != 0 {
		t.Errorf("incidents: %+v", got)
	}
	notes := strings.Join((&localSite{spent: spent}).info().Notes, "\n")
	for _, want := range []string{"90% of the error budget of latency", "50% of the error budget of availability"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, notes)
		}
	}
}

func TestASpentBudgetThatCannotBeIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"latency":          "want SLO=SHARE",
		"latency=":         "want SLO=SHARE",
		"latency=0.9":      "want SLO=SHARE",
		"latency=0%":       "want SLO=SHARE",
		"latency=100%":     "want SLO=SHARE",
		"latency=-1%":      "want SLO=SHARE",
		"latency=NaN%":     "want SLO=SHARE",
		"latencies=90%":    `there is no SLO "latencies"; did you mean latency?`,
		"others=90%":       "the total of others is not a counter of the load of target local",
		"time=90%":         "the total of time is not a counter of the load of target local",
		"half=90%":         "cannot spend so much of an error budget of 50%",
		"availability=50%": "availability counts the same requests as availability-too",
	} {
		_, err := spentBudgets([]string{"availability-too=10%", text}, budgets(t))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--budget-spent") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
