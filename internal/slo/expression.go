package slo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	bucketLabel  = model.BucketLabel
	bucketSuffix = "_bucket"
)

// expression checks that text is PromQL that gives series of numbers at every instant,
// from metrics that it names.
func expression(text string) (parser.Expr, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("not PromQL: %w", err)
	}
	if expr.Type() != parser.ValueTypeVector {
		return nil, fmt.Errorf("must give series of numbers at an instant, and gives a %s", parser.DocumentedType(expr.Type()))
	}
	read := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			read = true
			switch {
			case n.Timestamp != nil || n.StartOrEnd != 0:
				err = errors.New("must not be pinned to a time with @: it is evaluated at every instant")
			case metricOf(n) == "":
				err = errors.New("must name the metrics that it reads")
			}
		case *parser.SubqueryExpr:
			if n.Timestamp != nil || n.StartOrEnd != 0 {
				err = errors.New("must not be pinned to a time with @: it is evaluated at every instant")
			}
		}
		return nil
	})
	if err == nil && !read {
		err = errors.New("reads no metric")
	}
	if err != nil {
		return nil, err
	}
	return expr, nil
}

// unwrapBuckets is unwrap that also takes off a sum by the buckets' label.
func unwrapBuckets(expr parser.Expr) (vs *parser.VectorSelector, rated bool, err error) {
	if e, ok := unparen(expr).(*parser.AggregateExpr); ok && e.Op == parser.SUM && !e.Without && slices.Equal(e.Grouping, []string{bucketLabel}) {
		expr = e.Expr
	}
	vs, rated, err = unwrap(expr)
	if err == nil && vs.OriginalOffset != 0 {
		err = errBare // as it is, and not as the counter that it is taken from
	}
	return vs, rated, err
}

// onlyGrows reports whether a metric is a counter by the suffix of its name.
func onlyGrows(metric string) bool {
	return slices.ContainsFunc([]string{"_total", "_count", "_sum"}, func(suffix string) bool { return strings.HasSuffix(metric, suffix) })
}

// matched reports whether the selector says something about a label.
func matched(vs *parser.VectorSelector, label string) bool {
	return slices.ContainsFunc(vs.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == label })
}

// countOf is the counter of all observations of a histogram, by the name of its buckets.
func countOf(buckets string) string { return strings.TrimSuffix(buckets, bucketSuffix) + "_count" }

// bucket are the selectors of what a histogram observed that is at most value, and of all.
func (m measure) bucket(value float64) (good, total string) {
	var rest []*labels.Matcher
	for _, matcher := range m.buckets.LabelMatchers {
		if matcher.Name != model.MetricNameLabel {
			rest = append(rest, matcher)
		}
	}
	of := func(name string, more ...*labels.Matcher) string {
		all := slices.Concat([]*labels.Matcher{equal(model.MetricNameLabel, name)}, rest, more)
		return (&parser.VectorSelector{Name: name, LabelMatchers: all}).String()
	}
	name := metricOf(m.buckets)
	le := equal(bucketLabel, "")
	if pattern, isRegexp := bound(value); isRegexp {
		le = labels.MustNewMatcher(labels.MatchRegexp, bucketLabel, pattern)
	} else {
		le.Value = pattern
	}
	return of(name, le), of(countOf(name))
}

func equal(name, value string) *labels.Matcher {
	return labels.MustNewMatcher(labels.MatchEqual, name, value)
}

// quotient takes the ratio of two counters' rates apart, each perhaps summed. It is false
// for anything else, and where both are not over the same range: that is not a ratio of events.
func quotient(expr parser.Expr) (part, whole string, counted bool) {
	e, ok := unparen(expr).(*parser.BinaryExpr)
	if !ok || e.Op != parser.DIV || !summed(e.LHS) || !summed(e.RHS) {
		return "", "", false
	}
	left, right := rateOf(e.LHS), rateOf(e.RHS)
	if left == "" || left != right {
		return "", "", false
	}
	part, _, err := selector(e.LHS.String())
	if err != nil {
		return "", "", false
	}
	whole, _, err = selector(e.RHS.String())
	return part, whole, err == nil
}

// summed reports whether the expression is one sum over all series. Without it, a ratio
// would be one of single series, each with a weight that nobody knows.
func summed(expr parser.Expr) bool {
	e, ok := unparen(expr).(*parser.AggregateExpr)
	return ok && e.Op == parser.SUM && len(e.Grouping) == 0 && !e.Without
}

// unparen takes parentheses off.
func unparen(expr parser.Expr) parser.Expr {
	for {
		p, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = p.Expr
	}
}

// rateOf names the function and the range of the one rate in an expression.
func rateOf(expr parser.Expr) string {
	var found string
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if call, ok := n.(*parser.Call); ok {
			if m, ok := rangeOf(call); ok {
				found += call.Func.Name + m.Range.String()
			}
		}
		return nil
	})
	return found
}
