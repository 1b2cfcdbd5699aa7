package ramp

import (
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestTheReportSaysRateLatencyReplicasAndCost(t *testing.T) {
	from := time.Unix(1_700_000_000, 0)
	step := func(rate float64, o Outcome) Step {
		return Step{
			Rate: rate, From: from, To: from.Add(8 * time.Second), Outcome: o, Client: Client{Success: 8000, Errors: 3, P50: 0.0021, P99: 0.0123, LagP99: 0.0004},
			Replicas: &Replicas{Ready: 3, Wanted: 3}, SLIs: []SLI{{SLO: "availability", Objective: 0.999, Bad: 3, Total: 8003}},
		}
	}
	unseen := step(2000, NotJudged)
	unseen.Replicas, unseen.SLIs[0].Trouble = nil, "no data"
	r := Report{Target: "local", URL: "http://127.0.0.1:1", Notes: []string{"One machine."}, Result: Result{Verdict: result.Pass, Sentence: "It held.", Steps: []Step{step(1000, Held), unseen}}}
	r.Cost = &Cost{Currency: "USD", PerHour: 3.6, PerMillion: 1, Rate: 1000, Source: "a page", Date: "2026-01-31"}
	var out strings.Builder
	if err := r.Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1000/s", "8s", "12.3ms", "2.1ms", "400µs", "3 of 8003", "3 of 3", "availability 3 of 8003", "unknown", "availability not counted", "pass: It held.", "1 USD per million requests, at 1000 requests per second and 3.6 USD an hour (a page, 2026-01-31)", "Note: One machine."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	r.Cost, r.NoCost = nil, "no prices were given (--prices)"
	out.Reset()
	if err := r.Text(&out); err != nil || !strings.Contains(out.String(), "Cost: no figure, as no prices were given (--prices)") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}
