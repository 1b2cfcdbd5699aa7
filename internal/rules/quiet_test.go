package rules

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

// An outage of a service with one request a minute, or in five: what takes time is that
// enough requests fail.
func TestAQuietOutageFiresWithinThePredictedBand(t *testing.T) {
	models, err := Models(committed(t, 1), loadSLOs(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, every := range map[string]time.Duration{"a minute": time.Minute, "in five minutes": 5 * time.Minute} {
		t.Run("one request "+name, func(t *testing.T) {
			t.Parallel()
			timing := slo.Timing{Scale: 1, Scrape: 30 * time.Second, Evaluation: 30 * time.Second, Rate: 1 / every.Seconds()}
			groups := only(t, committed(t, 1), "slo-monitor-availability")
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, setup{groups: groups, scrape: timing.Scrape, evaluation: timing.Evaluation, history: 72 * time.Hour, rate: timing.Rate})
				p.run(traffic{last: 5*time.Minute + 11*time.Second, rate: timing.Rate})
				start := time.Now()
				p.run(traffic{last: 30 * time.Minute, rate: timing.Rate, errors: 1})
				fired := p.fired(start)
				for _, m := range models {
					if m.SLO != "monitor-availability" || m.Burn == nil {
						continue
					}
					earliest, latest, ok := m.Predict(1, timing)
					if at, did := fired[keyOf(m.Name, m.Labels)]; !ok || !did || at < earliest || at > latest {
						t.Errorf("%s fired after %s (%v), predicted %s to %s (%v)", keyOf(m.Name, m.Labels), at, did, earliest, latest, ok)
					}
				}
			})
		})
	}
}
