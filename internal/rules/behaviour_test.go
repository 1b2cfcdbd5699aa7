package rules

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	localScale = 75
	burn       = "MonitorAvailabilityBudgetBurn"
	slowBurn   = "MonitorLatencyBudgetBurn"
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
		history            time.Duration // 0: as long as every window
	}
	rows := []row{
		{"a total outage as it is", 1, 8 * time.Minute, 1, 30 * time.Second, 30 * time.Second, 0},
		{"every tenth request as it is", 0.1, 46 * time.Minute, 1, time.Minute, time.Minute, 0},
		{"every tenth request half an hour after the first sample", 0.1, 20 * time.Minute, 1, 30 * time.Second, 30 * time.Second, 30 * time.Minute},
		{"every fiftieth request two hours after the first sample", 0.02, 90 * time.Minute, 1, time.Minute, time.Minute, 2 * time.Hour},
	}
	for _, e := range []float64{1, 1.0 / 3, 0.1, 0.0145, 0.0143} {
		last := min(55*time.Second, 10*time.Second+time.Duration(0.072/e*float64(time.Hour)/localScale*1.1))
		rows = append(rows, row{fmt.Sprintf("%.3g%% errors on scaled time", 100*e), e, last, localScale, time.Second, time.Second, 0})
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			groups := only(t, committed(t, r.scale), "slo-monitor-availability")
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, setup{
					groups: groups, scrape: r.scrape, evaluation: r.evaluation,
					history: cmp.Or(r.history, time.Duration(float64(72*time.Hour)/r.scale)), rate: 50,
				})
				calm := 5*r.evaluation + r.scrape*37/100 // the fault starts between scrapes
				p.run(traffic{last: calm, rate: 50})
				timing := slo.Timing{Scale: r.scale, Scrape: r.scrape, Evaluation: r.evaluation}
				if r.history > 0 {
					timing.History = r.history + calm
				}
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
					earliest, latest, ok := m.Predict(r.errors, timing)
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

// only are the groups whose name begins so.
func only(t *testing.T, groups []rulefmt.RuleGroup, name string) []rulefmt.RuleGroup {
	t.Helper()
	var found []rulefmt.RuleGroup
	for _, g := range groups {
		if strings.HasPrefix(g.Name, name) {
			found = append(found, g)
		}
	}
	if len(found) == 0 {
		t.Fatalf("there is no group %s", name)
	}
	return found
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
				for _, expr := range []string{slo.SeriesObjective, slo.SeriesPeriod, slo.SeriesInfo, slo.SeriesBurnRate, slo.SeriesCoverage, slo.SeriesBudgetSpent} {
					if _, ok := p.value(expr + `{slo="monitor-availability", service="monitor"}`); !ok {
						t.Errorf("%s is not recorded", expr)
					}
				}
				if v, ok := p.value(slo.SeriesBudgetRemaining + `{slo="monitor-availability"}`); ok {
					t.Errorf("three days show that %v of the budget of thirty are left", v)
				}
			},
		},
		{
			name:  "healthy traffic without any history fires nothing",
			setup: func(s *setup) { s.history = 0 },
			run:   []traffic{healthy(8 * time.Second)},
		},
		{
			name:  "exactly the budget burnt steadily fires nothing",
			setup: func(s *setup) { s.errors = 0.001 },
			run:   []traffic{{last: 20 * time.Second, rate: 50, errors: 0.001}},
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
			check: func(t *testing.T, p *platform) {
				if v, ok := p.value(recorded(slo.SeriesErrorRatio, "monitor-availability", 5*time.Minute)); ok {
					t.Errorf("the error ratio without traffic is %v, want none", v)
				}
				if v, ok := p.value(slo.SeriesBudgetSpent + `{slo="monitor-availability"}`); !ok || v != 0 {
					t.Errorf("the budget spent is %v, %v, want 0: the period had healthy traffic", v, ok)
				}
			},
		},
		{
			name: "traffic after an idle stretch is judged as before",
			run:  []traffic{healthy(5 * time.Second), {last: 6 * time.Second}, healthy(8 * time.Second)},
		},
		{
			name:  "good events that no series counts are a broken SLO and no outage",
			setup: func(s *setup) { s.history, s.onlyErrors = 0, true },
			run:   []traffic{{last: 30 * time.Second, rate: 50, errors: 1}},
			want:  []string{"MonitorAvailabilityNoData"},
		},
		{
			name: "good events that are no longer scraped while all events are",
			run:  []traffic{healthy(5 * time.Second), {last: 13 * time.Second, rate: 50, noFast: true}},
			want: []string{"MonitorLatencyNoData"},
		},
		{
			name:  "good and total swapped",
			setup: func(s *setup) { s.groups = swapped(t) },
			run:   []traffic{{last: 20 * time.Second, rate: 50, slow: 0.05}},
			want:  []string{"SwappedGoodExceedsTotal"},
		},
		{
			name:  "good and total swapped, and then an outage",
			setup: func(s *setup) { s.groups = swapped(t) },
			run:   []traffic{healthy(5 * time.Second), {last: 20 * time.Second, rate: 50, slow: 1}},
			want:  []string{"SwappedGoodExceedsTotal"},
		},
		{
			name: "an SLI that dies in mid-outage pages on, and its silence is a page, too",
			run: []traffic{
				healthy(5 * time.Second),
				{last: 6 * time.Second, rate: 50, errors: 1},
				{last: 16 * time.Second, rate: 50, errors: 1, unseen: true},
			},
			want: []string{
				burn + "/1h", burn + "/6h", burn + "/1d", burn + "/3d",
				"MonitorAvailabilityNoData", "MonitorAvailabilityNoData/page", "MonitorLatencyNoData",
			},
			check: func(t *testing.T, p *platform) {
				if n := p.changes(burn + "/1h"); n != 1 {
					t.Errorf("the page changed %d times, want once: it begins", n)
				}
			},
		},
		{
			name: "good events that are no longer scraped after a page are a page",
			run: []traffic{
				healthy(5 * time.Second),
				{last: 10 * time.Second, rate: 50, slow: 1},
				{last: 16 * time.Second, rate: 50, noFast: true},
			},
			want: []string{slowBurn + "/1h", slowBurn + "/6h", "MonitorLatencyNoData", "MonitorLatencyNoData/page"},
		},
		{
			name: "more good events than events after a page are a page",
			run: []traffic{
				healthy(5 * time.Second),
				{last: 10 * time.Second, rate: 50, slow: 1},
				{last: 20 * time.Second, rate: 50, extra: 0.1},
			},
			want: []string{slowBurn + "/1h", "MonitorLatencyGoodExceedsTotal", "MonitorLatencyGoodExceedsTotal/page"},
		},
		{
			name:  "more good events than events do not count as negative errors",
			setup: func(s *setup) { s.bonus = 0.1 },
			run:   []traffic{healthy(16 * time.Second)},
			want:  []string{"MonitorLatencyGoodExceedsTotal"},
			check: func(t *testing.T, p *platform) {
				if v, ok := p.value(recorded(slo.SeriesErrorRatio, "monitor-latency", time.Hour)); !ok || v != 0 {
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
			name: "all replicas down and then gone from discovery are one page throughout",
			run:  []traffic{healthy(5 * time.Second), {last: 8 * time.Second, rate: 50, down: 3}, {last: 6 * time.Second, rate: 50, gone: true}},
			want: []string{"MonitorReplicaDown", "MonitorAllReplicasDown"},
			check: func(t *testing.T, p *platform) {
				if n := p.changes("MonitorAllReplicasDown"); n != 1 {
					t.Errorf("the page changed %d times, want once: it begins", n)
				}
			},
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
				delete(fired, watchdog) // it always does
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

// recorded selects the series of an SLO and a window.
func recorded(series, name string, w time.Duration) string { return RecordedAt(series, name, w) }

// swapped are the rules of an SLO whose good and total events are confused.
func swapped(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	return scaled(t, FromSLO(slo.SLO{
		Name: "swapped", Service: "monitor", Objective: 0.99, Window: 30 * 24 * time.Hour,
		Good:  `probe_request_duration_seconds_count{job="probe"}`,
		Total: `probe_request_duration_seconds_bucket{job="probe",le="0.25"}`,
	}), localScale)
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

// One request in ten minutes, and each fails: a short window is empty half of the time.
func TestAQuietServiceThatOnlyFailsIsReportedSteadily(t *testing.T) {
	groups := only(t, committed(t, 1), "slo-monitor-availability")
	for name, every := range map[string]time.Duration{"in ten minutes": 10 * time.Minute, "in 25 minutes": 25 * time.Minute} {
		t.Run("one request "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, setup{groups: groups, scrape: time.Minute, evaluation: time.Minute, history: 6 * time.Hour})
				for range int(8 * time.Hour / every) {
					p.run(traffic{last: time.Minute, rate: 1.0 / 60, errors: 1}, traffic{last: every - time.Minute})
				}
				for _, w := range []string{"/1h", "/6h", "/1d", "/3d"} {
					if n := p.changes(burn + w); n != 1 {
						t.Errorf("%s changed %d times, want once: it begins", burn+w, n)
					}
				}
				for _, alert := range []string{"MonitorAvailabilityNoData", "MonitorAvailabilityNoData/page", "MonitorAvailabilityGoodExceedsTotal"} {
					if n := p.changes(alert); n != 0 {
						t.Errorf("%s changed %d times, want never", alert, n)
					}
				}
			})
		})
	}
}

func TestExactlyThreeBadEventsAreReportedOnce(t *testing.T) {
	groups := only(t, committed(t, 1), "slo-monitor-availability")
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, setup{groups: groups, scrape: 30 * time.Second, evaluation: 30 * time.Second, history: 6 * time.Hour, rate: 1.0 / 60})
		p.run(
			traffic{last: 3 * time.Minute, rate: 1.0 / 60, errors: 1},
			traffic{last: 2 * time.Hour, rate: 1.0 / 60},
		)
		for _, w := range []string{"/1h", "/6h", "/1d", "/3d"} {
			if n := p.changes(burn + w); n > 2 {
				t.Errorf("%s changed %d times, want it to begin and end at most once", burn+w, n)
			}
		}
		if p.changes(burn+"/1h") == 0 {
			t.Error("three failures in a row were not reported")
		}
	})
}

// Prometheus keeps a day, and had an outage of 90 seconds.
func TestABudgetOfThirtyDaysIsUnknownToAPrometheusThatKeepsOne(t *testing.T) {
	groups := only(t, committed(t, 1), "slo-monitor-availability-budget")
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, setup{groups: groups, scrape: 30 * time.Second, evaluation: 30 * time.Second, history: 24*time.Hour - 10*time.Minute, rate: 10})
		p.run(traffic{last: 90 * time.Second, rate: 10, errors: 1}, traffic{last: 8*time.Minute + 30*time.Second, rate: 10})
		if v, ok := p.value(slo.SeriesBudgetRemaining + `{slo="monitor-availability"}`); ok {
			t.Errorf("of the budget %v is left, want it to be unknown", v)
		}
		if v, ok := p.value(slo.SeriesCoverage + `{slo="monitor-availability"}`); !ok || v < 23.0/720 || v > 25.0/720 {
			t.Errorf("coverage is %v, %v; want a day of thirty", v, ok)
		}
		const spent = 90.0 / (0.001 * 30 * 86400)
		if v, ok := p.value(slo.SeriesBudgetSpent + `{slo="monitor-availability"}`); !ok || math.Abs(v-spent) > 0.1*spent {
			t.Errorf("%v of the budget is known to be spent, %v; want %v", v, ok, spent)
		}
	})
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
		got, ok := p.value(slo.SeriesBudgetRemaining + `{slo="monitor-availability"}`)
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
		"HostMemoryShort": {others: map[string]float64{
			`monitor_memory_available_bytes{job="monitor"}`: 1, `monitor_memory_size_bytes{job="monitor"}`: 100,
		}},
		"HostFilesystemAlmostFull": {others: map[string]float64{
			`monitor_filesystem_available_bytes{job="monitor",mountpoint="/"}`: 1, `monitor_filesystem_size_bytes{job="monitor",mountpoint="/"}`: 100,
			`monitor_filesystem_readonly{job="monitor",mountpoint="/"}`: 0,
		}},
		"HostInodesShort": {others: map[string]float64{
			`monitor_filesystem_inodes_free{job="monitor",mountpoint="/"}`: 1, `monitor_filesystem_inodes{job="monitor",mountpoint="/"}`: 100,
			`monitor_filesystem_readonly{job="monitor",mountpoint="/"}`: 0,
		}},
		"HostMountNotAnswering":      {others: map[string]float64{`monitor_filesystem_up{job="monitor",mountpoint="/"}`: 0}},
		"MonitorConfigRejected":      {others: map[string]float64{`monitor_config_last_reload_successful{job="monitor"}`: 0}},
		"PrometheusConfigRejected":   {others: map[string]float64{`prometheus_config_last_reload_successful{job="prometheus"}`: 0}},
		"AlertmanagerConfigRejected": {others: map[string]float64{`alertmanager_config_last_reload_successful{job="alertmanager"}`: 0}},
		"ArgoCDApplicationOutOfSync": {others: map[string]float64{`argocd_app_info{job="argocd-metrics",sync_status="Unknown"}`: 1}},
		"PlatformTargetDown":         {others: map[string]float64{`up{job="cadvisor"}`: 0}},
	}
	for _, m := range models {
		if m.SLO != "" || m.Opaque || m.Name == watchdog {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			fault, ok := faults[m.Name]
			if !ok {
				t.Fatal("no fault is known that fires it; add one")
			}
			s := local(t)
			earliest, latest, ok := m.Predict(0, slo.Timing{Scale: localScale, Scrape: s.scrape, Evaluation: s.evaluation})
			if !ok {
				t.Fatal("it is not predicted")
			}
			fault.last, fault.rate = latest+5*time.Second, 50
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, s)
				p.run(traffic{last: 5*time.Second + 370*time.Millisecond, rate: 50})
				start := time.Now()
				p.run(fault)
				if at, did := p.fired(start)[m.Name]; !did || at < earliest || at > latest {
					t.Errorf("fired %v after %s, predicted %s to %s", did, at, earliest, latest)
				}
			})
		})
	}
}
