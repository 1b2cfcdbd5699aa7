package slo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// selector checks that text selects one counter, and prints the selector as PromQL does.
// A sum over all series, and a rate or increase within it or alone, are taken off: every
// reader applies its own, over a window of its own, and the ratio of two sums is the
// same. rated is true when there was a rate or increase, which only counters have.
func selector(text string) (canonical string, rated bool, err error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", false, fmt.Errorf("not PromQL: %w", err)
	}
	vs, rated, err := unwrap(expr)
	if err != nil {
		return "", false, err
	}
	if vs.OriginalOffset != 0 || vs.OriginalOffsetExpr != nil || vs.Timestamp != nil || vs.StartOrEnd != 0 || vs.Anchored || vs.Smoothed {
		return "", false, errors.New("must be a selector without offset, @ or modifier")
	}
	if metricOf(vs) == "" {
		return "", false, errors.New("must name one metric")
	}
	return vs.String(), rated, nil
}

// errBare lacks what to write: the expression names no single selector.
var errBare = errors.New("must be the bare selector of a counter, without functions, ranges or operators: every reader applies its own window")

func unwrap(expr parser.Expr) (vs *parser.VectorSelector, rated bool, err error) {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return e, false, nil
	case *parser.ParenExpr:
		return unwrap(e.Expr)
	case *parser.AggregateExpr:
		if e.Op == parser.SUM && len(e.Grouping) == 0 && !e.Without {
			return unwrap(e.Expr)
		}
		if e.Op == parser.SUM && !e.Without {
			return nil, false, bare(expr, "; for an SLO of each group add the annotation "+annotationGroupBy)
		}
	case *parser.Call:
		m, ok := rangeOf(e)
		if !ok {
			break
		}
		if inner, ok := m.VectorSelector.(*parser.VectorSelector); ok {
			return inner, true, nil
		}
	}
	return nil, false, bare(expr, "")
}

// rangeOf is what a rate or an increase is of.
func rangeOf(e *parser.Call) (*parser.MatrixSelector, bool) {
	if e.Func.Name != "rate" && e.Func.Name != "increase" {
		return nil, false
	}
	m, ok := e.Args[0].(*parser.MatrixSelector)
	return m, ok && m.RangeExpr == nil
}

// bare says what to write where the expression holds exactly one selector.
func bare(expr parser.Expr, more string) error {
	var found []*parser.VectorSelector
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if vs, ok := n.(*parser.VectorSelector); ok {
			found = append(found, vs)
		}
		return nil
	})
	if len(found) != 1 {
		return errBare
	}
	return fmt.Errorf("%w; write %s%s", errBare, &parser.VectorSelector{Name: found[0].Name, LabelMatchers: found[0].LabelMatchers}, more)
}

func metricOf(vs *parser.VectorSelector) string {
	for _, m := range vs.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// complement is the selector of what total selects and bad does not. It exists where bad
// has all matchers of total and one more.
func complement(bad, total string) (string, error) {
	p := parser.NewParser(parser.Options{})
	b, err := p.ParseMetricSelector(bad)
	if err != nil {
		return "", fmt.Errorf("not a selector: %w", err)
	}
	t, err := p.ParseMetricSelector(total)
	if err != nil {
		return "", fmt.Errorf("not a selector: %w", err)
	}
	same := func(list []*labels.Matcher, m *labels.Matcher) bool {
		return slices.ContainsFunc(list, func(o *labels.Matcher) bool { return o.String() == m.String() })
	}
	more := slices.DeleteFunc(slices.Clone(b), func(m *labels.Matcher) bool { return same(t, m) })
	if len(more) != 1 || len(b) != len(t)+1 {
		return "", errors.New("must have all labels of total and one more, so that all other events are the good ones; give the selector of good events instead")
	}
	m, err := more[0].Inverse()
	if err != nil {
		return "", fmt.Errorf("cannot be turned round: %w", err)
	}
	vs := parser.VectorSelector{LabelMatchers: append(slices.Clone(t), m)}
	vs.Name = metricOf(&vs)
	return vs.String(), nil
}
