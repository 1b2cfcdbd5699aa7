package ruletest_test

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/rules/ruletest"
)

// dialect is that of the rules.
func dialect() parser.Parser { return parser.NewParser(parser.Options{}) }

func newEngine(t *testing.T) *promql.Engine {
	t.Helper()
	e := promql.NewEngine(promql.EngineOpts{MaxSamples: 5e7, Timeout: time.Hour, EnableAtModifier: true, Parser: dialect()})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// bench holds the series of a case, and what its rules made of them once they were run.
type bench struct {
	ruletest.Case
	db     *tsdb.DB
	engine *promql.Engine
	at     []time.Duration // of evaluations
}

// newBench stores the series of a case.
func newBench(t *testing.T, engine *promql.Engine, c ruletest.Case) *bench {
	t.Helper()
	opts := tsdb.DefaultOptions()
	opts.WALSegmentSize, opts.StripeSize, opts.RetentionDuration = -1, 64, 0
	opts.MinBlockDuration = (500 * 24 * time.Hour).Milliseconds() // a case fits into memory
	opts.MaxBlockDuration = opts.MinBlockDuration
	db, err := tsdb.Open(t.TempDir(), nil, nil, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	app := db.Appender(t.Context())
	for _, s := range c.Series {
		ls, values, err := dialect().ParseSeriesDesc(s.Series + " " + s.Values)
		if err != nil {
			t.Fatalf("case %s: series %s: %v", c.Name, s.Series, err)
		}
		var ref storage.SeriesRef
		for i, v := range values {
			if v.Omitted {
				continue
			}
			if ref, err = app.Append(ref, ls, int64(i)*time.Duration(c.Interval).Milliseconds(), v.Value); err != nil {
				t.Fatalf("case %s: series %s: %v", c.Name, s.Series, err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	b := &bench{Case: c, db: db, engine: engine, at: c.Evaluations}
	if len(b.at) == 0 {
		var last model.Duration
		for _, check := range c.Alerts {
			last = max(last, check.At)
		}
		for _, check := range c.Samples {
			last = max(last, check.At)
		}
		for t := time.Duration(0); t <= time.Duration(last); t += c.Every {
			b.at = append(b.at, t)
		}
	}
	return b
}

func moment(d time.Duration) time.Time { return time.UnixMilli(d.Milliseconds()).UTC() }

// run evaluates the groups through Prometheus' rule engine, stores what they record, and
// returns which checks fail.
func (b *bench) run(t *testing.T, groups []rulefmt.RuleGroup) (failed []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := rules.Write(f, groups); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	m := promrules.NewManager(&promrules.ManagerOptions{
		QueryFunc: promrules.EngineQueryFunc(b.engine, b.db), Appendable: b.db, Queryable: b.db, Context: t.Context(),
		NotifyFunc:  func(context.Context, string, ...*promrules.Alert) {},
		ExternalURL: &url.URL{}, Parser: dialect(), NameValidationScheme: model.UTF8Validation,
	})
	loaded, errs := m.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var alerts []*promrules.AlertingRule
	for _, g := range loaded {
		for _, r := range g.Rules() {
			if a, ok := r.(*promrules.AlertingRule); ok {
				a.SetRestored(true) // or it would not record ALERTS
				alerts = append(alerts, a)
			}
		}
	}
	for _, at := range b.at {
		for _, g := range groups {
			loaded := loaded[promrules.GroupKey(file, g.Name)]
			loaded.Eval(t.Context(), moment(at))
			for _, r := range loaded.Rules() {
				if r.LastError() != nil {
					t.Fatalf("case %s, %s: rule %s: %v", b.Name, at, r.Name(), r.LastError())
				}
			}
		}
		for _, check := range b.Alerts {
			if time.Duration(check.At) == at {
				if want, got := expected(check, nil), firing(check.Name, alerts); !slices.Equal(want, got) {
					failed = append(failed, fmt.Sprintf("%s, %s: alert %s\n  want %s\n  got  %s", b.Name, at, check.Name, want, got))
				}
			}
		}
	}
	for _, check := range b.Samples {
		if want, got := samples(t, check), b.query(t, b.db, check); !same(want, got) {
			failed = append(failed, fmt.Sprintf("%s, %s: %s\n  want %v\n  got  %v", b.Name, check.At, check.Expr, want, got))
		}
	}
	return failed
}

// expected are the alerts of a check that have these labels, as text.
func expected(check ruletest.AlertCheck, having map[string]string) []string {
	var all []string
	for _, a := range check.Firing {
		if subset(having, a.Labels) {
			ls := labels.NewBuilder(labels.FromMap(a.Labels)).Set(labels.AlertName, check.Name).Labels()
			all = append(all, ls.String()+" "+labels.FromMap(a.Annotations).String())
		}
	}
	slices.Sort(all)
	return all
}

// firing are the alerts of a name that fire, as text.
func firing(name string, alerts []*promrules.AlertingRule) []string {
	var all []string
	for _, rule := range alerts {
		for _, a := range rule.ActiveAlerts() {
			if rule.Name() == name && a.State == promrules.StateFiring {
				all = append(all, a.Labels.String()+" "+a.Annotations.String())
			}
		}
	}
	slices.Sort(all)
	return all
}

func subset(part, all map[string]string) bool {
	for name, value := range part {
		if all[name] != value {
			return false
		}
	}
	return true
}

// value is a sample: its labels and how much it is.
type value struct {
	labels string
	value  float64
}

func samples(t *testing.T, check ruletest.SampleCheck) []value {
	t.Helper()
	var all []value
	for _, s := range check.Samples {
		ls, err := dialect().ParseMetric(s.Labels)
		if err != nil {
			t.Fatalf("labels %s: %v", s.Labels, err)
		}
		all = append(all, value{ls.String(), s.Value})
	}
	return sorted(all)
}

func (b *bench) query(t *testing.T, from storage.Queryable, check ruletest.SampleCheck) []value {
	t.Helper()
	q, err := b.engine.NewInstantQuery(t.Context(), from, nil, check.Expr, moment(time.Duration(check.At)))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(t.Context()).Vector()
	if err != nil {
		return []value{{err.Error(), math.NaN()}}
	}
	var all []value
	for _, s := range v {
		all = append(all, value{s.Metric.String(), s.F})
	}
	return sorted(all)
}

func sorted(all []value) []value {
	slices.SortFunc(all, func(a, b value) int {
		switch {
		case a.labels < b.labels:
			return -1
		case a.labels > b.labels:
			return 1
		}
		return 0
	})
	return all
}

// same compares as promtool does with fuzzy_compare: one step of a fraction is no
// difference.
func same(a, b []value) bool {
	return slices.EqualFunc(a, b, func(x, y value) bool {
		return x.labels == y.labels && (x.value == y.value || math.Nextafter(x.value, y.value) == y.value)
	})
}
