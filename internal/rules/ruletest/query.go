package ruletest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// look is how often a query is asked within a slice.
const look = 10 * time.Second

// query answers the query of a document, which is not a rule: what it gives for its input is
// for PromQL alone to say. What rules make of that is computed here.
type query struct {
	engine *promql.Engine
	text   string
	group  map[string]string // what it gives of others does not count
}

func newQuery(text string, step time.Duration) query {
	return query{text: text, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 5e7, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return step.Milliseconds() },
	})}
}

// asked is what the query gives at each step from 0 to end.
func (q query) asked(input []promql.Series, end, step time.Duration) (promql.Matrix, error) {
	asked, err := q.engine.NewRangeQuery(context.Background(), shelf(input), nil, q.text, time.UnixMilli(0), time.UnixMilli(end.Milliseconds()), step)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", q.text, err)
	}
	defer asked.Close()
	found, err := asked.Exec(context.Background()).Matrix()
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", q.text, err)
	}
	return copied(found), nil
}

// within reports whether labels are those of a group.
func within(group, of map[string]string) bool {
	for name, value := range group {
		if of[name] != value {
			return false
		}
	}
	return true
}

// copied is what is left of an answer once the query is closed.
func copied(m promql.Matrix) promql.Matrix {
	all := make(promql.Matrix, len(m))
	for i, s := range m {
		all[i] = promql.Series{Metric: s.Metric, Floats: slices.Clone(s.Floats)}
	}
	return all
}

// at is what the query gives at t.
func (q query) at(input []promql.Series, t time.Duration) ([]float64, error) {
	asked, err := q.engine.NewInstantQuery(context.Background(), shelf(input), nil, q.text, time.UnixMilli(t.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", q.text, err)
	}
	defer asked.Close()
	found, err := asked.Exec(context.Background()).Vector()
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", q.text, err)
	}
	var all []float64
	for _, s := range found {
		if within(q.group, s.Metric.Map()) {
			all = append(all, s.F)
		}
	}
	return all, nil
}

// stored are samples as the engine reads them.
func stored(series map[string]string, every time.Duration, samples []float64) promql.Series {
	plain := map[string]string{}
	for name, value := range series {
		if value != "" {
			plain[name] = value
		}
	}
	s := promql.Series{Metric: labels.FromMap(plain)}
	for i, v := range samples {
		if isAbsent(v) {
			continue
		}
		if isNoNumber(v) {
			v = math.NaN()
		}
		s.Floats = append(s.Floats, promql.FPoint{T: times(i, every).Milliseconds(), F: v})
	}
	return s
}

// shelf is a storage of a few series.
type shelf []promql.Series

// Querier implements storage.Queryable.
func (s shelf) Querier(int64, int64) (storage.Querier, error) {
	return shelfQuerier{storage.NoopQuerier(), s}, nil
}

type shelfQuerier struct {
	storage.Querier
	shelf shelf
}

func (q shelfQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &selection{at: -1}
	for _, s := range q.shelf {
		if selects(matchers, s.Metric.Map()) {
			found.series = append(found.series, s)
		}
	}
	return found
}

// selection is a set of series.
type selection struct {
	series []promql.Series
	at     int
}

func (s *selection) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *selection) At() storage.Series                { return promql.NewStorageSeries(s.series[s.at]) }
func (s *selection) Err() error                        { return nil }
func (s *selection) Warnings() annotations.Annotations { return nil }

// reads is a selector of a query, and what becomes of it.
type reads struct {
	matchers  []*labels.Matcher
	counts    bool          // it stands in a rate, as only counters do
	histogram bool          // and in a quantile of buckets
	over      time.Duration // the range that it is read over; 0 for none
}

// readsOf are the selectors of a query, and how far it looks back.
func readsOf(text string) (all []reads, reach time.Duration, err error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, 0, fmt.Errorf("read the query %s: %w", text, err)
	}
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		vs, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		r, back := reads{matchers: vs.LabelMatchers}, vs.OriginalOffset
		for _, outer := range path {
			switch e := outer.(type) {
			case *parser.Call:
				r.counts = r.counts || slices.Contains([]string{"rate", "irate", "increase"}, e.Func.Name)
				r.histogram = r.histogram || e.Func.Name == "histogram_quantile"
			case *parser.MatrixSelector:
				back, r.over = back+e.Range, e.Range
			case *parser.SubqueryExpr:
				back += e.Range + e.OriginalOffset
			}
		}
		r.histogram = r.histogram && r.counts && !slices.ContainsFunc(vs.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.BucketLabel })
		reach = max(reach, back)
		all = append(all, r)
		return nil
	})
	return all, reach, nil
}
