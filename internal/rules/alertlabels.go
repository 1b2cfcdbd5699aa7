package rules

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// labelsOf returns the labels that an alert takes from its condition, each with
// the patterns of its values as slo.AlertModel.FromSeries has them.
//
// A selector's series have labels that no rule file names. Those count that the
// rule itself speaks of: in a matcher, a grouping, or as $labels in a text.
func labelsOf(r rulefmt.Rule) (map[string][]string, error) {
	expr, err := newParser().ParseExpr(r.Expr)
	if err != nil {
		return nil, err
	}
	s := seriesOf(expr)
	if s.open {
		for _, text := range slices.Concat(slices.Collect(maps.Values(r.Labels)), slices.Collect(maps.Values(r.Annotations))) {
			for _, m := range templateLabel.FindAllStringSubmatch(text, -1) {
				name := m[1] + m[2]
				if _, known := s.labels[name]; !known {
					s.labels[name] = nil
				}
			}
		}
	}
	return s.labels, nil
}

var templateLabel = regexp.MustCompile(`(?:\$labels|\.Labels)(?:\.(\w+)|\s+"(\w+)")`)

// series are the labels of what an expression yields.
type series struct {
	labels map[string][]string // patterns of the values; none: any
	open   bool                // there may be others
}

func seriesOf(expr parser.Expr) series {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return selected(e)
	case *parser.MatrixSelector:
		return seriesOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return seriesOf(e.Expr)
	case *parser.ParenExpr:
		return seriesOf(e.Expr)
	case *parser.UnaryExpr:
		return seriesOf(e.Expr)
	case *parser.StepInvariantExpr:
		return seriesOf(e.Expr)
	case *parser.Call:
		return called(e)
	case *parser.AggregateExpr:
		return aggregated(e)
	case *parser.BinaryExpr:
		return combined(e)
	}
	return series{labels: map[string][]string{}} // a number
}

func selected(e *parser.VectorSelector) series {
	s := series{labels: map[string][]string{}, open: true}
	for _, m := range e.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			continue
		}
		switch m.Type {
		case labels.MatchEqual:
			s.labels[m.Name] = append(s.labels[m.Name], regexp.QuoteMeta(m.Value))
		case labels.MatchRegexp:
			s.labels[m.Name] = append(s.labels[m.Name], m.Value)
		default:
			if _, known := s.labels[m.Name]; !known {
				s.labels[m.Name] = nil
			}
		}
	}
	return s
}

func called(e *parser.Call) series {
	s := series{labels: map[string][]string{}}
	for _, arg := range e.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			s = seriesOf(arg)
			break
		}
	}
	switch e.Func.Name {
	case "absent", "absent_over_time":
		s.open = false // it makes a series of the selector's own matchers
	case "scalar":
		return series{labels: map[string][]string{}}
	case "histogram_quantile":
		delete(s.labels, model.BucketLabel)
	case "label_replace", "label_join":
		if name, ok := e.Args[1].(*parser.StringLiteral); ok {
			s.labels[name.Val] = nil
		}
	case "info":
		s.open = true
	}
	return s
}

func aggregated(e *parser.AggregateExpr) series {
	s := seriesOf(e.Expr)
	switch {
	case e.Op == parser.TOPK || e.Op == parser.BOTTOMK || e.Op == parser.LIMITK || e.Op == parser.LIMIT_RATIO:
		return s // it chooses among the series and leaves their labels
	case e.Without:
		for _, name := range e.Grouping {
			delete(s.labels, name)
		}
	default:
		s = s.only(e.Grouping)
	}
	if name, ok := e.Param.(*parser.StringLiteral); ok && e.Op == parser.COUNT_VALUES {
		s.labels[name.Val] = nil
	}
	return s
}

func combined(e *parser.BinaryExpr) series {
	left, right := seriesOf(e.LHS), seriesOf(e.RHS)
	switch {
	case e.VectorMatching == nil || e.RHS.Type() == parser.ValueTypeScalar:
		if e.LHS.Type() == parser.ValueTypeScalar {
			return right
		}
		return left
	case e.Op == parser.LOR:
		return left.or(right)
	case e.Op.IsSetOperator():
		return left
	case e.VectorMatching.Card == parser.CardOneToOne && e.VectorMatching.On:
		return left.only(e.VectorMatching.MatchingLabels)
	case e.VectorMatching.Card == parser.CardOneToOne:
		for _, name := range e.VectorMatching.MatchingLabels {
			delete(left.labels, name)
		}
		return left
	case e.VectorMatching.Card == parser.CardOneToMany:
		left, right = right, left
	}
	for _, name := range e.VectorMatching.Include {
		left.labels[name] = right.labels[name]
	}
	return left
}

// only keeps these labels, of which an open series can have each.
func (s series) only(names []string) series {
	kept := series{labels: map[string][]string{}}
	for _, name := range names {
		if patterns, ok := s.labels[name]; ok || s.open {
			kept.labels[name] = patterns
		}
	}
	return kept
}

// or has the labels of both; a value of either will do.
func (s series) or(other series) series {
	all := maps.Clone(s.labels)
	for name, patterns := range other.labels {
		mine, known := s.labels[name]
		switch {
		case !known:
			all[name] = patterns
		case len(mine) == 0 || len(patterns) == 0:
			all[name] = nil
		default:
			all[name] = slices.Concat(mine, patterns)
		}
	}
	return series{labels: all, open: s.open || other.open}
}

// changingLabels finds an `or` whose sides are known to have different labels, and
// prints both. An alert on it is another one as soon as the other side is true: the
// first resolves and the second waits out its pending time.
func changingLabels(text string) (left, right string, changes bool) {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return "", "", false
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		e, ok := n.(*parser.BinaryExpr)
		if !ok || e.Op != parser.LOR || changes {
			return nil
		}
		l, r := seriesOf(e.LHS), seriesOf(e.RHS)
		if l.open || r.open {
			return nil // the series decide, and no file says what they have
		}
		left, right = l.String(), r.String()
		changes = left != right
		return nil
	})
	return left, right, changes
}

// String lists the names of the labels.
func (s series) String() string {
	return "{" + strings.Join(slices.Sorted(maps.Keys(s.labels)), ", ") + "}"
}
