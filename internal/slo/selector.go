package slo

import (
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// selector checks that text selects one metric, and prints it as PromQL does.
func selector(text string) (string, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", fmt.Errorf("not PromQL: %w", err)
	}
	vs, ok := expr.(*parser.VectorSelector)
	if !ok {
		return "", errors.New("must be the bare selector of a counter, without functions, ranges or operators: every reader applies its own window")
	}
	if vs.OriginalOffset != 0 || vs.OriginalOffsetExpr != nil || vs.Timestamp != nil || vs.StartOrEnd != 0 || vs.Anchored || vs.Smoothed {
		return "", errors.New("must be a selector without offset, @ or modifier")
	}
	for _, m := range vs.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != "" {
			return vs.String(), nil
		}
	}
	return "", errors.New("must name one metric")
}
