package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// Scale returns the groups with time running factor times as fast: every range,
// offset, subquery, pending time and group interval is divided by factor, in
// the syntax tree. Names, labels and annotations stay as they are and so name
// the unscaled windows. What would become shorter than a millisecond, the finest
// that rule files know, becomes a millisecond; a sensible least group interval
// is the caller's to set. The argument is not changed.
//
// Times that are plain numbers, as in time() - t > 600, cannot be told from
// other numbers and stay: rules that are to be scaled must not use them.
func Scale(groups []rulefmt.RuleGroup, factor float64) ([]rulefmt.RuleGroup, error) {
	if !(factor > 0) || math.IsInf(factor, 0) {
		return nil, fmt.Errorf("scale rules by %v: the factor must be a positive number", factor)
	}
	s := scaler{factor}
	scaled := slices.Clone(groups)
	for i := range scaled {
		g := &scaled[i]
		g.Interval = s.model(g.Interval)
		if g.QueryOffset != nil {
			offset := s.model(*g.QueryOffset)
			g.QueryOffset = &offset
		}
		g.Labels = maps.Clone(g.Labels)
		g.Rules = slices.Clone(g.Rules)
		for j := range g.Rules {
			r := &g.Rules[j]
			expr, err := s.expr(r.Expr)
			if err != nil {
				return nil, fmt.Errorf("scale rule %q of group %q: %w", r.Record+r.Alert, g.Name, err)
			}
			r.Expr = expr
			r.For = s.model(r.For)
			r.KeepFiringFor = s.model(r.KeepFiringFor)
			r.Labels = maps.Clone(r.Labels)
			r.Annotations = maps.Clone(r.Annotations)
		}
	}
	return scaled, nil
}

var errDurationExpr = errors.New("durations computed by expressions cannot be scaled; write them out")

type scaler struct{ factor float64 }

func (s scaler) duration(d time.Duration) time.Duration {
	scaled := time.Duration(math.Round(float64(d)/s.factor/1e6)) * time.Millisecond
	switch {
	case d > 0:
		return max(scaled, time.Millisecond)
	case d < 0:
		return min(scaled, -time.Millisecond)
	default:
		return 0
	}
}

func (s scaler) model(d model.Duration) model.Duration {
	return model.Duration(s.duration(time.Duration(d)))
}

func (s scaler) expr(text string) (string, error) {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return "", fmt.Errorf("parse %q: %w", text, err)
	}
	var unscalable error
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			n.OriginalOffset = s.duration(n.OriginalOffset)
			if n.OriginalOffsetExpr != nil {
				unscalable = errDurationExpr
			}
		case *parser.MatrixSelector:
			n.Range = s.duration(n.Range)
			if n.RangeExpr != nil {
				unscalable = errDurationExpr
			}
		case *parser.SubqueryExpr:
			n.Range = s.duration(n.Range)
			n.Step = s.duration(n.Step)
			n.OriginalOffset = s.duration(n.OriginalOffset)
			if n.RangeExpr != nil || n.StepExpr != nil || n.OriginalOffsetExpr != nil {
				unscalable = errDurationExpr
			}
		}
		return nil
	})
	if unscalable != nil {
		return "", unscalable
	}
	return expr.String(), nil
}
