package ramp

import (
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestWhatAStepShows(t *testing.T) {
	// 10,000 requests without an error, seen by two SLOs.
	healthy := Step{
		Rate: 1000, Client: Client{Success: 10_000, P99: 0.02, LagP99: 0.001},
		SLIs: []SLI{{SLO: "availability", Objective: 0.999, Total: 10_000}, {SLO: "latency", Objective: 0.99, Total: 10_000}},
	}
	for name, tc := range map[string]struct {
		change func(*Step)
		want   Outcome
		reason result.Reason
		why    string
	}{
		"all is well": {func(*Step) {}, Held, "", ""},
		"as many bad events as the objective lets be": {func(s *Step) { s.SLIs[0].Bad = 10 }, Held, "", ""},
		"one more than that":                          {func(s *Step) { s.SLIs[0].Bad = 11 }, Broken, result.SLOBroken, "11 of 10000 events were bad, 0.11%; the objective lets 0.1% be"},
		"the second SLO alone":                        {func(s *Step) { s.SLIs[1].Bad = 101 }, Broken, result.SLOBroken, "101 of 10000"},
		"just enough events":                          {func(s *Step) { s.SLIs[0].Total = 1000; s.SLIs[0].Bad = 1 }, Held, "", ""},
		"too few events":                              {func(s *Step) { s.SLIs[0].Total = 999 }, NotJudged, result.LowTraffic, "only 999 events"},
		"too few events, all of them bad":             {func(s *Step) { s.SLIs[0].Total, s.SLIs[0].Bad = 50, 50 }, NotJudged, result.LowTraffic, "only 50"},
		"the load was as late as it may be":           {func(s *Step) { s.Client.LagP99 = 0.1 }, Held, "", ""},
		"the load was late":                           {func(s *Step) { s.Client.LagP99 = 0.11 }, NotJudged, result.InstrumentUnfit, "110 ms late"},
		"the load was late, and all requests failed":  {func(s *Step) { s.Client.LagP99 = 2; s.SLIs[0].Bad = 10_000 }, NotJudged, result.InstrumentUnfit, "no limit of the service"},
		"an SLO was not seen":                         {func(s *Step) { s.SLIs[1].Trouble = "no data" }, NotJudged, result.NoData, "latency: no data"},
		"an SLO was not seen, and another broke":      {func(s *Step) { s.SLIs[1].Trouble = "no data"; s.SLIs[0].Bad = 5000 }, NotJudged, result.NoData, "latency"},
		"requests failed that no SLO counts":          {func(s *Step) { s.Client.Errors = 200 }, Broken, result.SLOBroken, "200 of 10200 failed"},
		"few enough of them":                          {func(s *Step) { s.Client.Errors = 90 }, Held, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy
			s.SLIs = append([]SLI{}, healthy.SLIs...)
			tc.change(&s)
			got := s.judge()
			if got.Outcome != tc.want || got.Reason != tc.reason || !strings.Contains(got.Why, tc.why) {
				t.Errorf("%s (%s): %s; want %s (%s): %s", got.Outcome, got.Reason, got.Why, tc.want, tc.reason, tc.why)
			}
		})
	}
}
