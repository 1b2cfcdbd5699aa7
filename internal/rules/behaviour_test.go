package rules

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	localScale = 75
	burn       = "MonitorAvailabilityBudgetBurn"
)

// local is the runner's own timing, with history for every alert's long window.
func local(t *testing.T) setup {
	return setup{
		groups: committed(t, localScale), scrape: time.Second, evaluation: time.Second,
		history: 72 * time.Hour / localScale, rate: 50,
	}
}

func loadSLOs(t *testing.T) slo.Set {
	t.Helper()
	set, err := slo.Load(filepath.Join(alertsDir, "slo"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestBurnAlertsFireWithinThePredictedBandAndElseNever(t *testing.T) {
	models, err := Models(committed(t, 1), loadSLOs(t))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		name               string
		errors             float64
		last               time.Duration
		scale              float64
		scrape, evaluation time.Duration
	}
	rows := []row{
		{"a total outage as it is", 1, 6 * time.Minute, 1, 30 * time.Second, 30 * time.Second},
		{"every tenth request as it is", 0.1, 46 * time.Minute, 1, time.Minute, time.Minute},
	}
	for _, e := range []float64{1, 1.0 / 3, 0.1, 0.0145, 0.0143} {
		last := min(55*time.Second, 10*time.Second+time.Duration(0.072/e*float64(time.Hour)/localScale*1.1))
		rows = append(rows, row{fmt.Sprintf("%.3g%% errors on scaled time", 100*e), e, last, localScale, time.Second, time.Second})
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			groups := only(t, committed(t, r.scale), "slo-monitor-availability")
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, setup{
					groups: groups, scrape: r.scrape, evaluation: r.evaluation,
					history: time.Duration(float64(72*time.Hour) / r.scale), rate: 50,
				})
				p.run(traffic{last: 5*r.evaluation + r.scrape*37/100, rate: 50}) // the fault starts between scrapes
				start := time.Now()
				p.run(traffic{last: r.last, rate: 50, errors: r.errors})
				fired := p.fired(start)
				tested := 0
				for _, m := range models {
					if m.SLO != "monitor-availability" || m.Burn == nil {
						continue
					}
					tested++
					key := keyOf(m.Name, m.Labels)
					earliest, latest, ok := m.Predict(r.errors, r.scale, r.scrape, r.evaluation)
					at, did := fired[key]
					switch {
					case !ok && did:
						t.Errorf("%s fired after %s, predicted never", key, at)
					case ok && latest < r.last && !did:
						t.Errorf("%s did not fire within %s, predicted %s to %s", key, r.last, earliest, latest)
					case ok && did && (at < earliest || at > latest):
						t.Errorf("%s fired after %s, predicted %s to %s", key, at, earliest, latest)
					}
				}
				if tested != 4 {
					t.Errorf("%d tiers, want 4", tested)
				}
			})
		})
	}
}

func only(t *testing.T, groups []rulefmt.RuleGroup, name string) []rulefmt.RuleGroup {
	t.Helper()
	for _, g := range groups {
		if g.Name == name {
			return []rulefmt.RuleGroup{g}
		}
	}
	t.Fatalf("there is no group %s", name)
	return nil
}

func TestTheRulesInTroubleAndInPeace(t *testing.T) {
	healthy := func(d time.Duration) traffic { return traffic{last: d, rate: 50} }
	tests := []struct {
		name  string
		setup func(*setup)
		run   []traffic
		want  []string // alerts that fire, no others may
		check func(t *testing.T, p *platform)
	}{
		{
			name: "healthy traffic fires nothing",
			run:  []traffic{healthy(15 * time.Second)},
			check: func(t *testing.T, p *platform) {
				for _, expr := range []string{"slo:objective:ratio", "slo:error_budget:ratio", "slo:burn_rate:ratio", "slo:error_budget_remaining:ratio"} {
					if _, ok := p.value(expr + `{slo="monitor-availability", service="monitor"}`); !ok {
						t.Errorf("%s is not recorded", expr)
					}
				}
			},
		},
		{
			name:  "healthy traffic without any history fires nothing",
			setup: func(s *setup) { s.history = 0 },
			run:   []traffic{healthy(8 * time.Second)},
		},
		{
			name:  "half of the budget burnt steadily fires nothing",
			setup: func(s *setup) { s.errors = 0.0005 },
			run:   []traffic{{last: 20 * time.Second, rate: 50, errors: 0.0005}},
		},
		{
			name: "a restart of the probe resets its counters and fires nothing",
			run:  []traffic{healthy(8 * time.Second), {last: 15 * time.Second, rate: 50, restart: true}},
		},
		{
			name: "a restart of the probe amid an outage hides nothing",
			run: []traffic{
				healthy(8 * time.Second),
				{last: 2 * time.Second, rate: 50, errors: 1},
				{last: 8 * time.Second, rate: 50, errors: 1, restart: true},
			},
			want: []string{burn + "/1h", burn + "/6h", burn + "/1d", burn + "/3d"},
		},
		{
			name: "a probe that is not scraped is blind and not broken",
			run:  []traffic{healthy(5 * time.Second), {last: 16 * time.Second, rate: 50, unseen: true}},
			want: []string{"MonitorAvailabilityNoData", "MonitorLatencyNoData"},
		},
		{
			name: "idle traffic is neither NaN nor all good",
			run:  []traffic{healthy(5 * time.Second), {last: 16 * time.Second}},
			want: []string{"MonitorAvailabilityNoData", "MonitorLatencyNoData"},
			check: func(t *testing.T, p *platform) {
				if v, ok := p.value(`slo:error:ratio_rate5m{slo="monitor-availability"}`); ok {
					t.Errorf("the error ratio without traffic is %v, want none", v)
				}
				if v, ok := p.value(`slo:error_budget_remaining:ratio{slo="monitor-availability"}`); !ok || v < 0.999 {
					t.Errorf("the budget's rest is %v, %v, want 1: the period had traffic", v, ok)
				}
			},
		},
		{
			name: "traffic after an idle stretch is judged as before",
			run:  []traffic{healthy(5 * time.Second), {last: 6 * time.Second}, healthy(8 * time.Second)},
		},
		{
			name:  "a service that never succeeded is all bad",
			setup: func(s *setup) { s.history, s.onlyErrors = 0, true },
			run:   []traffic{{last: 30 * time.Second, rate: 50, errors: 1}},
			want:  []string{burn + "/1h", burn + "/6h", burn + "/1d", burn + "/3d"},
		},
		{
			name:  "more good events than events are no negative errors",
			setup: func(s *setup) { s.bonus = 0.1 },
			run:   []traffic{healthy(8 * time.Second)},
			check: func(t *testing.T, p *platform) {
				if v, ok := p.value(`slo:error:ratio_rate1h{slo="monitor-availability"}`); !ok || v != 0 {
					t.Errorf("the error ratio is %v, %v, want 0", v, ok)
				}
			},
		},
		{
			name: "slow successes are the latency SLO's and not the availability SLO's",
			run:  []traffic{healthy(2 * time.Second), {last: 38 * time.Second, rate: 50, slow: 1}},
			want: []string{"MonitorLatencyBudgetBurn/1h", "MonitorLatencyBudgetBurn/6h", "MonitorLatencyBudgetBurn/1d", "MonitorLatencyBudgetBurn/3d"},
		},
		{
			name:  "a probe of another service that is well does not dilute an outage",
			setup: func(s *setup) { s.other = &probe{job: "probe", name: "shop", rate: 5000} },
			run:   []traffic{healthy(2 * time.Second), {last: 8 * time.Second, rate: 50, errors: 1}},
			want:  []string{burn + "/1h", burn + "/6h", burn + "/1d", burn + "/3d"},
		},
		{
			name:  "nor does a load that somebody else puts on the monitor",
			setup: func(s *setup) { s.other = &probe{job: "by-hand", name: "monitor", rate: 5000} },
			run:   []traffic{healthy(2 * time.Second), {last: 38 * time.Second, rate: 50, slow: 1}},
			want:  []string{"MonitorLatencyBudgetBurn/1h", "MonitorLatencyBudgetBurn/6h", "MonitorLatencyBudgetBurn/1d", "MonitorLatencyBudgetBurn/3d"},
		},
		{
			name:  "a probe of another service that is down fires nothing here",
			setup: func(s *setup) { s.other = &probe{job: "probe", name: "shop", rate: 5000, failing: true} },
			run:   []traffic{healthy(10 * time.Second)},
		},
		{
			name:  "a blind probe is not covered up by another one",
			setup: func(s *setup) { s.other = &probe{job: "probe", name: "shop", rate: 5000} },
			run:   []traffic{healthy(5 * time.Second), {last: 16 * time.Second, rate: 50, unseen: true}},
			want:  []string{"MonitorAvailabilityNoData", "MonitorLatencyNoData"},
		},
		{
			name: "one replica of three down is a ticket and no page",
			run:  []traffic{healthy(5 * time.Second), {last: 8 * time.Second, rate: 50, down: 1}},
			want: []string{"MonitorReplicaDown"},
		},
		{
			name: "all replicas down page",
			run:  []traffic{healthy(5 * time.Second), {last: 8 * time.Second, rate: 50, down: 3}},
			want: []string{"MonitorReplicaDown", "MonitorAllReplicasDown"},
		},
		{
			name: "one failed scrape of a replica fires nothing",
			run:  []traffic{healthy(5 * time.Second), {last: time.Second, rate: 50, down: 1}, healthy(5 * time.Second)},
		},
		{
			name: "a collector that fails for long is a ticket",
			run:  []traffic{healthy(5 * time.Second), {last: 12 * time.Second, rate: 50, failing: true}},
			want: []string{"MonitorCollectorFailing"},
		},
		{
			name: "a collector that fails now and then fires nothing",
			run:  []traffic{healthy(5 * time.Second), {last: 4 * time.Second, rate: 50, failing: true}, healthy(2 * time.Second), {last: 4 * time.Second, rate: 50, failing: true}},
		},
		{
			name: "one restart of a replica fires nothing",
			run:  []traffic{healthy(5 * time.Second), {last: 10 * time.Second, rate: 50, restarts: 1}},
		},
		{
			name: "a replica that starts again and again is a ticket",
			run:  []traffic{healthy(5 * time.Second), {last: 10 * time.Second, rate: 50, restarts: 5}},
			want: []string{"MonitorReplicaRestarting"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := local(t)
			if tt.setup != nil {
				tt.setup(&s)
			}
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, s)
				start := time.Now()
				p.run(tt.run...)
				fired := p.fired(start)
				for _, alert := range tt.want {
					if _, ok := fired[alert]; !ok {
						t.Errorf("%s did not fire", alert)
					}
					delete(fired, alert)
				}
				for alert, at := range fired {
					t.Errorf("%s fired after %s and should not", alert, at)
				}
				if bad := p.poisoned(); len(bad) > 0 {
					t.Errorf("NaN or infinity in %v", bad)
				}
				if tt.check != nil {
					tt.check(t, p)
				}
			})
		})
	}
}

func TestAPageResolvesOnceTheShortWindowIsCleanAgain(t *testing.T) {
	s := local(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, s)
		p.run(traffic{last: 5 * time.Second, rate: 50}, traffic{last: 10 * time.Second, rate: 50, errors: 1})
		end := time.Now()
		p.run(traffic{last: 30 * time.Second, rate: 50})
		for alert, most := range map[string]time.Duration{
			burn + "/1h": 5 * time.Minute / localScale,
			burn + "/6h": 30 * time.Minute / localScale,
		} {
			at, ok := p.resolved(alert, end)
			if !ok || at > most+2*time.Second {
				t.Errorf("%s resolved after %s, %v; want at most its short window of %s, a scrape and an evaluation", alert, at, ok, most)
			}
		}
	})
}

func TestAFewFailuresInLowTrafficDoNotPage(t *testing.T) {
	groups := committed(t, 1)
	const perMinute = 1.0 / 60
	for _, tt := range []struct {
		name     string
		failures float64
		pages    bool
	}{
		{"two failures among the sixty requests of an hour", 2, false},
		{"five failures in a row", 5, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, setup{groups: groups, scrape: time.Minute, evaluation: time.Minute, history: 72 * time.Hour, rate: perMinute})
				start := time.Now()
				p.run(
					traffic{last: time.Duration(tt.failures) * time.Minute, rate: perMinute, errors: 1},
					traffic{last: 10 * time.Minute, rate: perMinute},
				)
				pages := false
				for alert := range p.fired(start) {
					pages = pages || alert == burn+"/1h" || alert == burn+"/6h"
				}
				if pages != tt.pages {
					t.Errorf("paged: %v, want %v", pages, tt.pages)
				}
			})
		})
	}
}

func TestTheBudgetsRestIsWhatSpendComputes(t *testing.T) {
	s := local(t)
	s.history = 30 * 24 * time.Hour / localScale
	s.errors = 0.0004
	s.rate = 100
	set := loadSLOs(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, s)
		p.run(traffic{last: 10 * time.Second, rate: s.rate, errors: 0.5}, traffic{last: 10 * time.Second, rate: s.rate})
		got, ok := p.value(`slo:error_budget_remaining:ratio{slo="monitor-availability"}`)
		o, _ := set.Get("monitor-availability")
		scaledWindow := o.Window / localScale
		bad := s.errors*s.rate*(scaledWindow-20*time.Second).Seconds() + 0.5*10*s.rate
		want := 1 - slo.Spend(bad, o.Objective, s.rate, scaledWindow)
		if !ok || math.Abs(got-want) > 0.005 {
			t.Errorf("rest of the budget is %v, %v; want %v", got, ok, want)
		}
	})
}

func TestResourceAlertsFireWithinThePredictedBand(t *testing.T) {
	models, err := Models(committed(t, 1), loadSLOs(t))
	if err != nil {
		t.Fatal(err)
	}
	faults := map[string]traffic{
		"MonitorReplicaDown":      {down: 1},
		"MonitorAllReplicasDown":  {down: 3},
		"MonitorCollectorFailing": {failing: true},
	}
	for _, m := range models {
		if m.SLO != "" || m.Opaque {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			fault, ok := faults[m.Name]
			if !ok {
				t.Fatal("no fault is known that fires it; add one")
			}
			fault.last, fault.rate = 20*time.Second, 50
			s := local(t)
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, s)
				p.run(traffic{last: 5*time.Second + 370*time.Millisecond, rate: 50})
				start := time.Now()
				p.run(fault)
				earliest, latest, ok := m.Predict(0, localScale, s.scrape, s.evaluation)
				if at, did := p.fired(start)[m.Name]; !ok || !did || at < earliest || at > latest {
					t.Errorf("fired %v after %s, predicted %s to %s (%v)", did, at, earliest, latest, ok)
				}
			})
		})
	}
}
