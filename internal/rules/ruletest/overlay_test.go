package ruletest_test

import (
	"context"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	promvalue "github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// kills reports whether a check of the case fails once the mutant stands for the rule. The
// other rules are not evaluated again: what they recorded is there. Of its own rule it
// sees what the mutant recorded and nothing else.
func (b *bench) kills(t *testing.T, rule, mutant rulefmt.Rule) bool {
	t.Helper()
	expr, err := dialect().ParseExpr(mutant.Expr)
	if err != nil {
		return true // no such rule can be loaded
	}
	if rule.Alert != "" {
		return b.killsAlert(t, rule, mutant, expr)
	}
	over := &overlay{base: b.db, hides: having(rule.Record, rule.Labels)}
	recording := promrules.NewRecordingRule(mutant.Record, expr, labels.FromMap(mutant.Labels))
	for _, check := range b.Samples {
		if !speaksOf(t, check.Expr, rule.Record) {
			continue
		}
		at := moment(time.Duration(check.At))
		over.own = nil
		recorded, err := recording.Eval(t.Context(), 0, at, promrules.EngineQueryFunc(b.engine, over), &url.URL{}, 0)
		if err != nil {
			return true
		}
		over.record(recorded, at)
		if !same(samples(t, check), b.query(t, over, check)) {
			return true
		}
	}
	return false
}

func (b *bench) killsAlert(t *testing.T, rule, mutant rulefmt.Rule, expr parser.Expr) bool {
	t.Helper()
	var last time.Duration
	for _, check := range b.Alerts {
		if check.Name == rule.Alert {
			last = time.Duration(check.At)
		}
	}
	over := &overlay{base: b.db, hides: append(having("ALERTS", rule.Labels), labels.MustNewMatcher(labels.MatchEqual, labels.AlertName, rule.Alert))}
	alerting := promrules.NewAlertingRule(mutant.Alert, expr, time.Duration(mutant.For), time.Duration(mutant.KeepFiringFor),
		labels.FromMap(mutant.Labels), labels.FromMap(mutant.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	for _, at := range b.at {
		if at > last {
			break
		}
		vector, err := alerting.Eval(t.Context(), 0, moment(at), promrules.EngineQueryFunc(b.engine, over), &url.URL{}, 0)
		if err != nil {
			return true
		}
		over.record(vector, moment(at))
		for _, check := range b.Alerts {
			if check.Name == rule.Alert && time.Duration(check.At) == at &&
				!slices.Equal(expected(check, rule.Labels), firing(rule.Alert, []*promrules.AlertingRule{alerting})) {
				return true
			}
		}
	}
	return false
}

// speaksOf reports whether an expression selects series of a name.
func speaksOf(t *testing.T, text, name string) bool {
	t.Helper()
	expr, err := dialect().ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if vs, ok := n.(*parser.VectorSelector); ok && vs.Name == name {
			found = true
		}
		return nil
	})
	return found
}

func having(name string, all map[string]string) []*labels.Matcher {
	matchers := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name)}
	for name, value := range all {
		matchers = append(matchers, labels.MustNewMatcher(labels.MatchEqual, name, value))
	}
	return matchers
}

// overlay is a storage without the series that it hides, and with some of its own.
type overlay struct {
	base  storage.Queryable
	hides []*labels.Matcher
	own   []*own
}

type own struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// record stores what a rule recorded, and marks what it no longer records as gone.
func (o *overlay) record(vector promql.Vector, at time.Time) {
	there := map[*own]bool{}
	for _, s := range vector {
		i := slices.IndexFunc(o.own, func(have *own) bool { return labels.Equal(have.labels, s.Metric) })
		if i < 0 {
			i, o.own = len(o.own), append(o.own, &own{labels: s.Metric})
		}
		o.own[i].samples = append(o.own[i].samples, point{at.UnixMilli(), s.F})
		there[o.own[i]] = true
	}
	for _, have := range o.own {
		if newest := have.samples[len(have.samples)-1]; !there[have] && !promvalue.IsStaleNaN(newest.F()) {
			have.samples = append(have.samples, point{at.UnixMilli(), math.Float64frombits(promvalue.StaleNaN)})
		}
	}
}

// Querier implements storage.Queryable.
func (o *overlay) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := o.base.Querier(mint, maxt)
	return &overlayQuerier{q, o}, err
}

type overlayQuerier struct {
	storage.Querier
	over *overlay
}

func (q *overlayQuerier) Select(ctx context.Context, sorts bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &list{at: -1}
	set := q.Querier.Select(ctx, sorts, hints, matchers...)
	for set.Next() {
		if !matches(q.over.hides, set.At().Labels()) {
			found.series = append(found.series, set.At())
		}
	}
	found.err = set.Err()
	for _, s := range q.over.own {
		if matches(matchers, s.labels) {
			found.series = append(found.series, storage.NewListSeries(s.labels, s.samples))
		}
	}
	return found
}

func matches(matchers []*labels.Matcher, ls labels.Labels) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(ls.Get(m.Name)) })
}

// list is a set of series.
type list struct {
	series []storage.Series
	at     int
	err    error
}

func (l *list) Next() bool                        { l.at++; return l.at < len(l.series) }
func (l *list) At() storage.Series                { return l.series[l.at] }
func (l *list) Err() error                        { return l.err }
func (l *list) Warnings() annotations.Annotations { return nil }

// point is a sample of a series that is not a histogram.
type point struct {
	t int64
	f float64
}

func (p point) T() int64                      { return p.t }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.f }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }
