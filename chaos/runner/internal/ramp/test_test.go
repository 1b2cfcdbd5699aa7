package ramp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// service answers up to a rate, and the load is on time up to another.
type service struct {
	limit, onTime float64
	gone          error // from the second step on
	noReplicas    bool
	rates         []float64
}

func (s *service) Hold(ctx context.Context, rate float64, settle, hold time.Duration) (Watched, error) {
	s.rates = append(s.rates, rate)
	if s.gone != nil && len(s.rates) > 1 {
		return Watched{}, s.gone
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return Watched{}, ctx.Err()
	}
	w := Watched{From: time.Now()}
	select {
	case <-time.After(hold):
	case <-ctx.Done():
		return Watched{}, ctx.Err()
	}
	w.To = time.Now()
	n := uint64(rate * hold.Seconds())
	w.Client = Client{Success: n, P99: 0.01}
	if rate > s.onTime {
		w.Client.LagP99 = 1
	}
	return w, nil
}

func (s *service) Count(_ context.Context, _ string, from, to time.Time) (bad, total float64, err error) {
	rate := s.rates[len(s.rates)-1]
	total = rate * to.Sub(from).Seconds()
	if rate > s.limit {
		bad = total / 10
	}
	return bad, total, nil
}

func (s *service) Replicas(context.Context) (Replicas, error) {
	if s.noReplicas {
		return Replicas{}, errors.New("nobody knows")
	}
	return Replicas{Ready: 2, Wanted: 3}, nil
}

func TestATestEndsAtTheFirstStepThatDoesNotHold(t *testing.T) {
	const never = 1e9
	for name, tc := range map[string]struct {
		service   service
		atLeast   float64
		stop      time.Duration // when it is interrupted
		verdict   result.Verdict
		reason    result.Reason
		sustained float64
		rates     []float64
		says      []string
	}{
		"an SLO breaks": {
			service: service{limit: 300, onTime: never}, verdict: result.Pass, sustained: 200, rates: []float64{100, 200, 400},
			says: []string{"availability broke at 400 requests per second", "Every SLO held up to 200 requests per second."},
		},
		"nothing breaks": {
			service: service{limit: never, onTime: never}, verdict: result.Pass, sustained: 800, rates: []float64{100, 200, 400, 800},
			says: []string{"Nothing broke up to 800 requests per second"},
		},
		"the first step breaks": {
			service: service{limit: 50, onTime: never}, verdict: result.Fail, reason: result.SLOBroken, rates: []float64{100},
			says: []string{"No rate was seen to hold.", "Start lower"},
		},
		"it breaks above what was asked for": {
			service: service{limit: 300, onTime: never}, atLeast: 200, verdict: result.Pass, sustained: 200, rates: []float64{100, 200, 400},
		},
		"it breaks below what was asked for": {
			service: service{limit: 300, onTime: never}, atLeast: 400, verdict: result.Fail, reason: result.SLOBroken, sustained: 200, rates: []float64{100, 200, 400},
			says: []string{"At least 400 requests per second were asked for."},
		},
		"the load is late before anything breaks": {
			service: service{limit: never, onTime: 300}, verdict: result.Inconclusive, reason: result.InstrumentUnfit, sustained: 200, rates: []float64{100, 200, 400},
			says: []string{"The limit was not found", "at 400 requests per second (instrument-unfit)", "Every SLO held up to 200"},
		},
		"the load is late where the service breaks": {
			service: service{limit: 300, onTime: 300}, verdict: result.Inconclusive, reason: result.InstrumentUnfit, sustained: 200, rates: []float64{100, 200, 400},
		},
		"the service goes away": {
			service: service{limit: never, onTime: never, gone: errors.New("the fleet is gone")}, verdict: result.Inconclusive, reason: result.TargetUnreachable, sustained: 100, rates: []float64{100, 200},
			says: []string{"the fleet is gone"},
		},
		"it is interrupted in its second step": {
			service: service{limit: never, onTime: never}, stop: 15 * time.Second, verdict: result.Inconclusive, reason: result.Interrupted, sustained: 100, rates: []float64{100, 200},
			says: []string{"it was interrupted"},
		},
		"nobody counts the replicas": {
			service: service{limit: 150, onTime: never, noReplicas: true}, verdict: result.Pass, sustained: 100, rates: []float64{100, 200},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tc.stop > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.stop)
					defer cancel()
				}
				var told []Step
				r := Test{
					Plan: Plan{Start: 100, Factor: 2, Max: 800, Settle: 2 * time.Second, Hold: 8 * time.Second},
					SLOs: []SLO{{"availability", 0.999}}, Site: &tc.service, AtLeast: tc.atLeast,
					Seen: func(rate float64) float64 { return rate },
					Done: func(s Step) { told = append(told, s) },
				}.Run(ctx)
				sustained := 0.0
				if r.Sustained != nil {
					sustained = r.Sustained.Rate
				}
				if r.Verdict != tc.verdict || r.Reason != tc.reason || sustained != tc.sustained {
					t.Errorf("%s (%s), sustained %v; want %s (%s), %v: %s", r.Verdict, r.Reason, sustained, tc.verdict, tc.reason, tc.sustained, r.Sentence)
				}
				if !slices.Equal(tc.service.rates, tc.rates) {
					t.Errorf("rates %v, want %v", tc.service.rates, tc.rates)
				}
				if len(told) != len(r.Steps) {
					t.Errorf("%d steps were told and %d are in the result", len(told), len(r.Steps))
				}
				for _, want := range tc.says {
					if !strings.Contains(r.Sentence, want) {
						t.Errorf("%q does not say %q", r.Sentence, want)
					}
				}
				for _, s := range r.Steps {
					if (s.Replicas == nil) != tc.service.noReplicas {
						t.Errorf("at %v/s the replicas are %v", s.Rate, s.Replicas)
					}
				}
			})
		})
	}
}
