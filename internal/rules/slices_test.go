package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	successes = `probe_requests_total{job="probe",outcome="success"}`
	requests  = `probe_requests_total{job="probe"}`
	replicas  = `sum(up{job="monitor"})`
	available = `avg(up{job="monitor"})`
	p90       = `histogram_quantile(0.9, sum by (le) (rate(probe_request_duration_seconds_bucket{job="probe"}[1m])))`
)

// sliced is an SLO of 99.9% over thirty days that judges time.
func sliced(s slo.Slices) slo.SLO {
	o := slo.SLO{Name: "shop", Service: "shop", Objective: 0.999, Window: 30 * 24 * time.Hour, Slices: &s}
	if s.Query == "" {
		o.Good, o.Total = successes, requests
	}
	return o
}

func slicesOfEvents() slo.SLO { return sliced(slo.Slices{Length: time.Minute, Target: 0.95}) }

// onRealTime is a Prometheus of the usual intervals.
func onRealTime(s slo.SLO) setup {
	return setup{groups: FromSLO(s), scrape: 15 * time.Second, evaluation: 15 * time.Second, rate: 50}
}

// Slices have no past before their rules, so that the tests let it pass.
func TestAlertsOnTimeSlicesFireWithinThePredictedBandAndElseNever(t *testing.T) {
	const past = 6*time.Hour + 20*time.Second
	policy := slo.Policy{
		BurnWindow: slo.BurnWindow{Tier: "mine", Severity: slo.Page, Long: 2 * time.Hour, Short: 10 * time.Minute, Rate: 40},
		For:        4 * time.Minute, Targets: "on-call",
	}
	long := sliced(slo.Slices{Length: 5 * time.Minute, Target: 0.95})
	long.MinBadEvents = 3
	for name, tt := range map[string]struct {
		slo   slo.SLO
		fault traffic
		share float64 // of slices that are bad, or of time
	}{
		"an outage":                             {slicesOfEvents(), traffic{last: 12 * time.Minute, rate: 50, errors: 1}, 1},
		"errors that spoil every slice":         {slicesOfEvents(), traffic{last: 12 * time.Minute, rate: 50, errors: 0.06}, 1},
		"errors that spoil no slice":            {slicesOfEvents(), traffic{last: 2 * time.Hour, rate: 50, errors: 0.04}, 0},
		"slices of five minutes, three of them": {long, traffic{last: 30 * time.Minute, rate: 50, errors: 1}, 1},
		"a gauge that is too low":               {sliced(slo.Slices{Length: time.Minute, Query: replicas, Op: ">=", Value: 3}), traffic{last: 12 * time.Minute, rate: 50, down: 1}, 1},
		"a gauge that is just high enough":      {sliced(slo.Slices{Length: time.Minute, Query: replicas, Op: ">=", Value: 2}), traffic{last: 12 * time.Minute, rate: 50, down: 1}, 0},
		"slices of a gauge":                     {sliced(slo.Slices{Length: 2 * time.Minute, Target: 0.5, Query: replicas, Op: ">", Value: 2}), traffic{last: 12 * time.Minute, rate: 50, down: 1}, 1},
		"a quantile":                            {sliced(slo.Slices{Length: time.Minute, Query: p90, Op: "<=", Value: 0.24}), traffic{last: 12 * time.Minute, rate: 50, slow: 0.5}, 1},
		"a ratio":                               {sliced(slo.Slices{Length: time.Minute, Query: available}), traffic{last: 20 * time.Minute, rate: 50, down: 1}, 1.0 / 3},
		"a ratio of what is bad":                {sliced(slo.Slices{Length: time.Minute, Query: "1 - " + available, Bad: true}), traffic{last: 20 * time.Minute, rate: 50, down: 1}, 1.0 / 3},
		"slices of a ratio that is good enough": {sliced(slo.Slices{Length: time.Minute, Target: 0.6, Query: available}), traffic{last: 20 * time.Minute, rate: 50, down: 1}, 0},
		"slices of a ratio that is not":         {sliced(slo.Slices{Length: time.Minute, Target: 0.7, Query: available}), traffic{last: 20 * time.Minute, rate: 50, down: 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tt.slo
			s.Policies = []slo.Policy{policy}
			models := modelsOf(t, s)
			synctest.Test(t, func(t *testing.T) {
				set := onRealTime(s)
				p := newPlatform(t, set)
				p.run(traffic{last: past, rate: 50})
				start := time.Now()
				p.run(tt.fault)
				fired := p.fired(start)
				tested := 0
				for _, m := range models {
					if m.Burn == nil || m.Window() > past {
						continue // its window is not full
					}
					tested++
					if m.Group != "slo-shop" && !slices.Contains(m.Feeds, m.Slice) {
						t.Errorf("%s waits for %v, want the slices among them", m.Group, m.Feeds)
					}
					key := keyOf(m.Name, m.Labels)
					earliest, latest, ok := m.Predict(tt.share, slo.Timing{Scale: 1, Scrape: set.scrape, Evaluation: set.evaluation})
					at, did := fired[key]
					switch {
					case !ok && did:
						t.Errorf("%s fired after %s, predicted never", key, at)
					case ok && latest < tt.fault.last && !did:
						t.Errorf("%s did not fire within %s, predicted %s to %s", key, tt.fault.last, earliest, latest)
					case ok && did && (at < earliest || at > latest):
						t.Errorf("%s fired after %s, predicted %s to %s", key, at, earliest, latest)
					}
				}
				if tested != 3 {
					t.Errorf("%d alerts, want two tiers and the policy's", tested)
				}
				if tt.share == 0 && len(fired) > 0 {
					t.Errorf("%v fired", fired)
				}
				if bad := p.poisoned(); len(bad) > 0 {
					t.Errorf("no numbers: %v", bad)
				}
				p.run(traffic{last: 2 * time.Hour, rate: 50})
				for key := range fired {
					for _, m := range models {
						if m.Burn == nil || keyOf(m.Name, m.Labels) != key {
							continue
						}
						f, err := slo.Foresee([]slo.AlertModel{m}, m.Labels, slo.Timing{Scale: 1, Scrape: set.scrape, Evaluation: set.evaluation})
						over, ended := p.resolved(key, start.Add(tt.fault.last))
						if err != nil || f.Resolved < 2*time.Hour && (!ended || over > f.Resolved) {
							t.Errorf("%s ended (%v) %s after the fault, predicted within %s, %v", key, ended, over, f.Resolved, err)
						}
					}
				}
			})
		})
	}
}

func modelsOf(t *testing.T, s slo.SLO) []slo.AlertModel {
	t.Helper()
	set, err := slo.NewSet(s)
	if err != nil {
		t.Fatal(err)
	}
	models, err := Models(FromSLO(s), set)
	if err != nil {
		t.Fatal(err)
	}
	return models
}

// What is recorded of a known hour: sixty slices, of which some are bad.
func TestRecordedSlicesCountTime(t *testing.T) {
	for name, tt := range map[string]struct {
		slo  slo.SLO
		hour []traffic
		// The error ratio and the number of slices over the hour, each within one slice.
		ratio, slices float64
	}{
		"six bad minutes":                      {slicesOfEvents(), []traffic{{last: 54 * time.Minute, rate: 50}, {last: 6 * time.Minute, rate: 50, errors: 1}}, 0.1, 60},
		"a quiet minute weighs as a busy one":  {slicesOfEvents(), []traffic{{last: 54 * time.Minute, rate: 500}, {last: 6 * time.Minute, rate: 1, errors: 1}}, 0.1, 60},
		"idle minutes are not slices":          {slicesOfEvents(), []traffic{{last: 24 * time.Minute, rate: 50}, {last: 30 * time.Minute}, {last: 6 * time.Minute, rate: 50, errors: 1}}, 0.2, 30},
		"unseen minutes are not slices":        {slicesOfEvents(), []traffic{{last: 24 * time.Minute, rate: 50}, {last: 30 * time.Minute, rate: 50, unseen: true}, {last: 6 * time.Minute, rate: 50, errors: 1}}, 0.2, 30},
		"a gauge of half an hour":              {sliced(slo.Slices{Length: time.Minute, Query: replicas, Op: ">=", Value: 3}), []traffic{{last: 30 * time.Minute, rate: 50}, {last: 30 * time.Minute, rate: 50, down: 1}}, 0.5, 60},
		"a part of each slice counts":          {sliced(slo.Slices{Length: 5 * time.Minute, Query: replicas, Op: ">=", Value: 3}), repeated(12, traffic{last: 4 * time.Minute, rate: 50}, traffic{last: time.Minute, rate: 50, down: 1}), 0.2, 12},
		"and with a target all of it":          {sliced(slo.Slices{Length: 5 * time.Minute, Target: 0.9, Query: replicas, Op: ">=", Value: 3}), repeated(12, traffic{last: 4 * time.Minute, rate: 50}, traffic{last: time.Minute, rate: 50, down: 1}), 1, 12},
		"and with a low one none":              {sliced(slo.Slices{Length: 5 * time.Minute, Target: 0.7, Query: replicas, Op: ">=", Value: 3}), repeated(12, traffic{last: 4 * time.Minute, rate: 50}, traffic{last: time.Minute, rate: 50, down: 1}), 0, 12},
		"each series of a gauge is a part":     {sliced(slo.Slices{Length: time.Minute, Query: `up{job="monitor"}`, Op: ">=", Value: 1}), []traffic{{last: time.Hour, rate: 50, down: 1}}, 1.0 / 3, 60},
		"a ratio of which a third is bad":      {sliced(slo.Slices{Length: time.Minute, Query: available}), []traffic{{last: time.Hour, rate: 50, down: 1}}, 1.0 / 3, 60},
		"a quantile without requests is none":  {sliced(slo.Slices{Length: time.Minute, Query: p90, Op: "<=", Value: 0.24}), []traffic{{last: 30 * time.Minute, rate: 50}, {last: 30 * time.Minute}}, 0, 30},
		"a restart of what counts goes unseen": {slicesOfEvents(), []traffic{{last: 30 * time.Minute, rate: 50}, {last: 30 * time.Minute, rate: 50, restart: true}}, 0, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, onRealTime(tt.slo))
				p.run(tt.hour...)
				near := func(what, expr string, want, by float64) {
					t.Helper()
					if got, ok := p.value(expr); !ok || math.Abs(got-want) > by {
						t.Errorf("%s is %v, %v; want %v", what, got, ok, want)
					}
				}
				near("the error ratio", recorded(slo.SeriesErrorRatio, "shop", time.Hour), tt.ratio, 2/tt.slices)
				near("the number of slices", recorded(slo.SeriesEvents, "shop", time.Hour), tt.slices, 2)
				if bad := p.poisoned(); len(bad) > 0 {
					t.Errorf("no numbers: %v", bad)
				}
			})
		})
	}
}

func repeated(n int, stretches ...traffic) []traffic {
	var all []traffic
	for range n {
		all = append(all, stretches...)
	}
	return all
}

// What an SLO of time says where it cannot be judged.
func TestTimeThatCannotBeJudged(t *testing.T) {
	ticket := func(s slo.SLO) slo.SLO { s.NoData = slo.NoDataTicket; return s }
	quantile := sliced(slo.Slices{Length: time.Minute, Query: p90, Op: "<=", Value: 0.24})
	healthy, idle := traffic{last: 10 * time.Minute, rate: 50}, traffic{last: 30 * time.Minute}
	for name, tt := range map[string]struct {
		slo  slo.SLO
		run  []traffic
		want []string
	}{
		"events that nobody counts":        {slicesOfEvents(), []traffic{healthy, {last: 20 * time.Minute, rate: 50, unseen: true}}, []string{"ShopNoData"}},
		"idle slices are not a fault":      {slicesOfEvents(), []traffic{healthy, idle}, nil},
		"idle slices where that is asked":  {ticket(slicesOfEvents()), []traffic{healthy, idle}, []string{"ShopIdle"}},
		"a query that gives nothing":       {sliced(slo.Slices{Length: time.Minute, Query: "gone", Op: "<", Value: 1}), []traffic{{last: 20 * time.Minute, rate: 50}}, []string{"ShopNoData"}},
		"a ratio that is nowhere":          {sliced(slo.Slices{Length: time.Minute, Query: "gone"}), []traffic{{last: 20 * time.Minute, rate: 50}}, []string{"ShopNoData"}},
		"a query whose target is gone":     {sliced(slo.Slices{Length: time.Minute, Query: replicas, Op: ">=", Value: 3}), []traffic{healthy, {last: 20 * time.Minute, rate: 50, gone: true}}, []string{"ShopNoData"}},
		"no number is idle and no fault":   {quantile, []traffic{healthy, idle}, nil},
		"no number where that is asked":    {ticket(quantile), []traffic{healthy, idle}, []string{"ShopIdle"}},
		"several ratios":                   {sliced(slo.Slices{Length: time.Minute, Query: `up{job="monitor"}`}), []traffic{{last: 20 * time.Minute, rate: 50, down: 3}}, []string{"ShopNoData"}},
		"a ratio in percent":               {sliced(slo.Slices{Length: time.Minute, Query: "100 * " + available}), []traffic{{last: 20 * time.Minute, rate: 50, down: 1}}, []string{"ShopGoodExceedsTotal"}},
		"a ratio below zero":               {sliced(slo.Slices{Length: time.Minute, Query: available + " - 2"}), []traffic{{last: 20 * time.Minute, rate: 50}}, []string{"ShopGoodExceedsTotal"}},
		"nothing where nothing is to hear": {func() slo.SLO { s := quantile; s.NoData = slo.NoDataNone; return s }(), []traffic{healthy, {last: 20 * time.Minute, rate: 50, unseen: true}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, onRealTime(tt.slo))
				start := time.Now()
				p.run(tt.run...)
				fired := p.fired(start)
				for _, alert := range tt.want {
					if _, ok := fired[alert]; !ok {
						t.Errorf("%s did not fire", alert)
					}
				}
				if len(fired) != len(tt.want) {
					t.Errorf("%v fired, want %v", fired, tt.want)
				}
			})
		})
	}
}

// What is left of the budget is known where slices were recorded, and the past of the
// counters before the rules is none.
func TestCoverageOfTimeSlicesBeginsWithTheirRules(t *testing.T) {
	s := slicesOfEvents()
	s.Window = 24 * time.Hour
	s.Slices.Length = 2 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		set := onRealTime(s)
		set.history = 26 * time.Hour
		p := newPlatform(t, set)
		p.run(traffic{last: 2*time.Hour + 6*time.Minute, rate: 50})
		if got, ok := p.value(slo.SeriesCoverage); !ok || got < 1.0/24 || got > 3.0/24 {
			t.Errorf("%v of the period is covered, %v; want two hours of a day", got, ok)
		}
		if got, ok := p.value(slo.SeriesBudgetRemaining); ok {
			t.Errorf("two hours show that %v of the budget of a day is left", got)
		}
		p.run(traffic{last: 23 * time.Hour, rate: 50})
		if got, ok := p.value(slo.SeriesBudgetRemaining); !ok || got != 1 {
			t.Errorf("%v of the budget is left after a healthy day, %v; want all", got, ok)
		}
	})
}

// A gauge that is judged group by group.
func TestGroupedTimeIsJudgedGroupByGroup(t *testing.T) {
	s := sliced(slo.Slices{Length: time.Minute, Query: `up{job="monitor"}`})
	s.GroupBy = []string{"instance"}
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, onRealTime(s))
		p.run(traffic{last: 10 * time.Minute, rate: 50}, traffic{last: 10 * time.Minute, rate: 50, down: 1})
		if got := p.labelsOf(`ALERTS{alertstate="firing"}`, "instance"); !cmp.Equal(got, []string{"0"}) {
			t.Errorf("alerts fire for %v, want for the first alone", got)
		}
		p.run(traffic{last: 20 * time.Minute, rate: 50, gone: true})
		if got := p.labelsOf(`ALERTS{alertname="ShopNoData",alertstate="firing",severity="ticket"}`, "instance"); !cmp.Equal(got, []string{"0", "1", "2"}) {
			t.Errorf("nothing is known of %v, want of each", got)
		}
	})
}

func TestEveryShapeFitsIntoThreeGroups(t *testing.T) {
	policies := []slo.Policy{
		{BurnWindow: slo.BurnWindow{Tier: "one", Severity: slo.Page, Long: 24 * time.Hour * 2, Short: 4 * time.Hour, Rate: 2}},
		{BurnWindow: slo.BurnWindow{Tier: "two", Severity: slo.Ticket, Long: 36 * time.Hour, Short: 3 * time.Hour, Rate: 2}},
	}
	for name, s := range map[string]slo.SLO{
		"slices of events": slicesOfEvents(),
		"a gauge":          sliced(slo.Slices{Length: time.Minute, Query: replicas, Op: "<", Value: 1e-15}),
		"a ratio":          sliced(slo.Slices{Length: time.Minute, Query: available}),
		"bad ratios":       sliced(slo.Slices{Length: 5 * time.Minute, Target: 0.5, Query: available, Bad: true}),
		"events":           {Name: "shop", Service: "shop", Objective: 0.999, Window: 30 * 24 * time.Hour, Good: successes, Total: requests},
	} {
		for _, days := range []int{1, 7, 30, 365} {
			t.Run(fmt.Sprint(name, " of ", days, " days"), func(t *testing.T) {
				s := s
				s.Window, s.NoData, s.Policies = time.Duration(days)*24*time.Hour, slo.NoDataTicket, policies
				groups := FromSLO(s)
				if len(groups) != 3 {
					t.Errorf("%d groups", len(groups))
				}
				windows := map[string]int{}
				for _, g := range groups {
					if len(g.Rules) > 20 {
						t.Errorf("group %s has %d rules, more than Azure Monitor takes", g.Name, len(g.Rules))
					}
					for _, r := range g.Rules {
						if r.Record == slo.SeriesErrorRatio || r.Record == slo.SeriesBadEvents {
							windows[r.Record+r.Labels[LabelWindow]]++
						}
						if strings.Contains(r.Expr, "00000") {
							t.Errorf("%s shows the noise of binary fractions: %s", r.Record+r.Alert, r.Expr)
						}
					}
				}
				for w, n := range windows {
					if n > 1 {
						t.Errorf("%s is recorded %d times", w, n)
					}
				}
				if _, err := Scale(groups, localScale); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The alert of a policy is one of the SLO's, with its own tier, wait and targets.
func TestThePolicysAlertWaitsAndNamesItsTargets(t *testing.T) {
	s := slo.SLO{
		Name: "shop", Service: "shop", Objective: 0.999, Window: 30 * 24 * time.Hour, Good: successes, Total: requests,
		Policies: []slo.Policy{{
			BurnWindow: slo.BurnWindow{Tier: "mine", Severity: slo.Ticket, Long: time.Hour, Short: 5 * time.Minute, Rate: 100},
			For:        10 * time.Minute, Targets: "chat,on-call",
		}},
	}
	for name, tt := range map[string]struct {
		errors float64
		last   time.Duration
		fires  bool
	}{
		"a burn above the policy's rate":           {0.5, 40 * time.Minute, true},
		"a burn above it that ends before the end": {0.5, 14 * time.Minute, false},
		"a burn below it":                          {0.09, 70 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				set := onRealTime(s)
				set.history = 2 * time.Hour
				p := newPlatform(t, set)
				p.run(traffic{last: tt.last, rate: 50, errors: tt.errors}, traffic{last: time.Hour, rate: 50})
				if got := p.labelsOf(`max_over_time(ALERTS{alertname="ShopBudgetBurn",tier="mine",alertstate="firing",severity="ticket"}[3h])`, LabelTarget); (len(got) > 0) != tt.fires || tt.fires && got[0] != "chat,on-call" {
					t.Errorf("the policy's alert fired for %q, want %v", got, tt.fires)
				}
				if got := p.labelsOf(`max_over_time(ALERTS{alertname="ShopBudgetBurn",alertstate="firing"}[3h])`, LabelTier); len(got) < 2 {
					t.Errorf("only %v fired: a policy replaces no tier", got)
				}
				if _, ok := p.value(slo.SeriesThreshold + `{tier="mine",long_window="1h",short_window="5m"}`); !ok {
					t.Error("the policy's threshold is not recorded")
				}
			})
		})
	}
}
