package ruletest_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/rules/ruletest"
	"github.com/ballast-sre/ballast/internal/slo"
)

const alertsDir = "../../../alerts"

const day = 24 * time.Hour

// committed are the SLOs of this repository.
func committed(t *testing.T) []slo.SLO {
	t.Helper()
	set, err := slo.Load(filepath.Join(alertsDir, "slo"))
	if err != nil {
		t.Fatal(err)
	}
	return set.All()
}

// others are SLOs as documents may describe them.
func others() map[string]slo.SLO {
	base := slo.SLO{
		Name: "shop", Service: "shop", Objective: 0.999, Window: 30 * day,
		Good: `orders_total{code!~"5..",job="shop"}`, Total: `orders_total{job="shop"}`,
	}
	with := func(change func(*slo.SLO)) slo.SLO {
		s := base
		change(&s)
		return s
	}
	return map[string]slo.SLO{
		"a day, whose tiers share windows": with(func(s *slo.SLO) { s.Window = day }),
		"a week with a low objective":      with(func(s *slo.SLO) { s.Window, s.Objective = 7*day, 0.9 }),
		"a year with a high objective":     with(func(s *slo.SLO) { s.Window, s.Objective = 365*day, 0.99999 }),
		"half of the events may fail":      with(func(s *slo.SLO) { s.Window, s.Objective = 10*day, 0.5 }),
		"an objective with many digits":    with(func(s *slo.SLO) { s.Window, s.Objective = 7*day, 0.99973 }),
		"one bad event is enough":          with(func(s *slo.SLO) { s.Window, s.MinBadEvents = day, 1 }),
		"many bad events have to be":       with(func(s *slo.SLO) { s.Window, s.MinBadEvents = 7*day, 500 }),
		"no job is named": with(func(s *slo.SLO) {
			s.Window, s.Good, s.Total = day, `a_total{b=~"x.+|y"}`, `a_total{b=~"x.+|z"}`
		}),
		"counters of two names, with dots": with(func(s *slo.SLO) {
			s.Window, s.Good, s.Total = day, `{"orders.ok",job="shop"}`, `{"orders.all",job="shop"}`
		}),
		"no data is a page":   with(func(s *slo.SLO) { s.Window, s.NoData = day, slo.NoDataPage }),
		"no data is a ticket": with(func(s *slo.SLO) { s.Window, s.NoData = 2*day, slo.NoDataTicket }),
		"no data is nothing": with(func(s *slo.SLO) {
			s.Window, s.NoData, s.Good, s.Total = 2*day, slo.NoDataNone, "ok_total", "all_total"
		}),
		"groups": with(func(s *slo.SLO) { s.Window, s.GroupBy = 7*day, []string{"cluster", "route"} }),
		"groups that selectors name, no data a ticket": with(func(s *slo.SLO) {
			s.Window, s.GroupBy, s.NoData = 2*day, []string{"zone"}, slo.NoDataTicket
			s.Good, s.Total = `ok_total{job="shop",zone=~"a|b"}`, `all_total{job="shop",zone=~"a|b"}`
		}),
		"policies, of which one waits": with(func(s *slo.SLO) {
			s.Window = day
			s.Policies = []slo.Policy{
				{BurnWindow: slo.BurnWindow{Tier: "early", Severity: slo.Ticket, Long: 2 * time.Hour, Short: 10 * time.Minute, Rate: 2}, For: 4 * time.Minute},
				{BurnWindow: slo.BurnWindow{Tier: "bad", Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Rate: 20}, Targets: "team"},
			}
		}),
		"texts and labels of the document": with(func(s *slo.SLO) {
			s.Window, s.DisplayName, s.RunbookURL = day, "Orders {{ of }} the shop", "https://example.org/{{ shop }}"
			s.Labels = map[string]string{"team": "a,b", "app.kubernetes.io/name": "{{ x }}"}
			s.Annotations = map[string]string{"owner": "{{ jane }}"}
		}),
	}
}

// underMutants is the SLO on time whose rules are always tried with mutants; `make mutants`
// tries those of more.
const underMutants = "slices of a minute"

// othersOnTime are SLOs on time as documents may describe them.
func othersOnTime() map[string]slo.SLO {
	base := slo.SLO{Name: "shop", Service: "shop", Objective: 0.999, Window: 30 * day}
	of := func(window time.Duration, of slo.Slices) slo.SLO {
		s := base
		s.Window, s.Slices = window, &of
		return s
	}
	counted := func(s slo.SLO) slo.SLO {
		s.Good, s.Total = `orders_total{code!~"5..",job="shop"}`, `orders_total{job="shop"}`
		return s
	}
	minutes := counted(of(day, slo.Slices{Length: time.Minute, Target: 0.95}))
	minutes.Objective = 0.99
	groups := counted(of(10*day, slo.Slices{Length: 2 * time.Minute, Target: 0.95}))
	groups.Objective, groups.GroupBy, groups.MinBadEvents = 0.97, []string{"zone"}, 3
	quantile := of(30*day, slo.Slices{
		Length: 5 * time.Minute, Target: 0.9, Op: "<=", Value: 0.25,
		Query: `histogram_quantile(0.9, sum by (le) (rate(shop_seconds_bucket{job="shop"}[5m])))`,
	})
	quantile.Objective = 0.99
	grouped := of(day, slo.Slices{Length: time.Minute, Query: `up{job="shop"}`, Op: ">=", Value: 1})
	grouped.GroupBy, grouped.NoData = []string{"zone"}, slo.NoDataPage
	policy := of(day, slo.Slices{Length: time.Minute, Query: `shop_temperature_celsius`, Op: "<", Value: -18})
	policy.Policies = []slo.Policy{{BurnWindow: slo.BurnWindow{Tier: "early", Severity: slo.Ticket, Long: 2 * time.Hour, Short: 10 * time.Minute, Rate: 2}, For: 4 * time.Minute}}
	silent := of(2*day, slo.Slices{Length: 2 * time.Minute, Target: 1, Query: `sum(rate(orders_total{job="shop"}[2m]))`, Op: ">", Value: 0})
	silent.NoData = slo.NoDataNone
	return map[string]slo.SLO{
		underMutants:                       minutes,
		"slices of events of each group":   groups,
		"slices of five minutes":           counted(of(30*day, slo.Slices{Length: 5 * time.Minute, Target: 0.95})),
		"a quantile, with a target":        quantile,
		"a gauge of each group":            grouped,
		"a value below zero, and a policy": policy,
		"a rate above nothing":             silent,
		"a ratio of two rates":             of(day, slo.Slices{Length: time.Minute, Query: `sum(rate(a_total{job="shop"}[2m])) / sum(rate(b_total{job="shop"}[1m]))`}),
		"a ratio of gauges, with a target": of(7*day, slo.Slices{Length: time.Minute, Target: 0.9, Query: `1 - sum(busy{job="shop"}) / sum(all{job="shop"})`}),
	}
}

func TestAQueryOfWhichNoTestsCanBeMadeIsNamed(t *testing.T) {
	for name, query := range map[string]string{
		"it is never above one":     `group(up{job="shop"})`,
		"it has no labels to match": `up{job="shop",job="other"}`,
		"it looks back for a day":   `avg_over_time(up{job="shop"}[1d])`,
	} {
		t.Run(name, func(t *testing.T) {
			s := slo.SLO{Name: "shop", Service: "shop", Objective: 0.99, Window: day, Slices: &slo.Slices{Length: time.Minute, Query: query, Op: ">", Value: 1}}
			if _, err := ruletest.Cases(s, rules.FromSLO(s)); !errors.Is(err, ruletest.ErrNoSeries) {
				t.Errorf("got %v, want ErrNoSeries", err)
			}
		})
	}
}

func TestTheCasesOfAnySLOHoldInPrometheus(t *testing.T) {
	all := others()
	maps.Copy(all, othersOnTime())
	// Those of this repository, and of one SLO on time, are run by the test of mutants.
	delete(all, underMutants)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			if s.Window > 2*day && os.Getenv("BALLAST_MUTANTS") == "" {
				t.Skip("its windows are long; `make mutants` runs it")
			}
			groups := rules.FromSLO(s)
			cases, err := ruletest.Cases(s, groups)
			if err != nil {
				t.Fatal(err)
			}
			engine := newEngine(t)
			for _, c := range cases {
				for _, failed := range newBench(t, engine, c).run(t, groups) {
					t.Error(failed)
				}
			}
			for _, lack := range uncovered(t, groups, cases) {
				t.Error(lack)
			}
		})
	}
}

// uncovered lists alerts that no case sees fire, or none sees silent, and recording rules
// of which no sample is compared, or none is ever absent.
func uncovered(t *testing.T, groups []rulefmt.RuleGroup, cases []ruletest.Case) (lacks []string) {
	t.Helper()
	lack := func(format string, args ...any) { lacks = append(lacks, fmt.Sprintf(format, args...)) }
	for _, g := range groups {
		for _, r := range g.Rules {
			fires, silent, there, absent := false, false, false, false
			for _, c := range cases {
				for _, check := range c.Alerts {
					if check.Name == r.Alert {
						n := len(expected(check, literally(r.Labels)))
						fires, silent = fires || n > 0, silent || n == 0
					}
				}
				for _, check := range c.Samples {
					if r.Record == "" || !speaksOf(t, check.Expr, r.Record) {
						continue
					}
					found := slices.ContainsFunc(check.Samples, func(s ruletest.Sample) bool {
						ls, err := dialect().ParseMetric(s.Labels)
						return err == nil && subset(r.Labels, ls.Map())
					})
					there, absent = there || found, absent || !found
				}
			}
			switch {
			case r.Alert != "" && !fires:
				lack("no case sees %s %v fire", r.Alert, r.Labels)
			case r.Alert != "" && !silent:
				lack("no case sees %s %v silent", r.Alert, r.Labels)
			case r.Record != "" && !there:
				lack("no case has a value of %s %v", r.Record, r.Labels)
			case r.Record != "" && !absent && !constant(r):
				lack("no case sees %s %v absent", r.Record, r.Labels)
			}
		}
	}
	return lacks
}

// literally are labels whose templates stand for braces.
func literally(all map[string]string) map[string]string {
	plain := map[string]string{}
	for name, value := range all {
		plain[name] = strings.ReplaceAll(value, `{{"{{"}}`, "{{")
	}
	return plain
}

// constant reports whether a rule records something whatever happens.
func constant(r rulefmt.Rule) bool {
	return regexp.MustCompile(`^vector\([0-9.* ]+\)$`).MatchString(r.Expr) || r.Record == prom.Heartbeat
}

// read decodes a test file.
func read(t *testing.T, content []byte) ruletest.File {
	t.Helper()
	var f ruletest.File
	dec := yaml.NewDecoder(bytes.NewReader(content))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

// The file says all that the cases say: nothing is lost when it is written.
func TestTheCommittedFilesHoldTheCases(t *testing.T) {
	for _, s := range committed(t) {
		content, err := os.ReadFile(filepath.Join(alertsDir, "tests", "slo-"+s.Name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(content, []byte("\n")); lines > 1500 {
			t.Errorf("the tests of %s have %d lines, too many to review", s.Name, lines)
		}
		groups := rules.FromSLO(s)
		cases, err := ruletest.Cases(s, groups)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, test := range read(t, content).Tests {
			i := slices.IndexFunc(cases, func(c ruletest.Case) bool { return c.Name == test.Name })
			if i < 0 || fmt.Sprint(cases[i].Test) != fmt.Sprint(test) || len(cases[i].Evaluations) > 0 {
				t.Errorf("%s: the test %q is not the case of this name", s.Name, test.Name)
			}
			names = append(names, test.Name)
		}
		for _, want := range []string{
			"fires", "silent", "exactly at", "fires and resets", "no data", "idle", "counter reset", "series born with errors",
			"low traffic", "young history", "gap",
		} {
			if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, want) }) {
				t.Errorf("%s: no test is named %q", s.Name, want)
			}
		}
	}
}
