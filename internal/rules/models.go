package rules

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/slo"
)

// Models tells of every alerting rule of unscaled groups what slo's arithmetic
// needs. An alert with the labels slo, long_window and short_window watches a
// burn rate; an SLO or a pair of windows that does not exist is an error.
func Models(groups []rulefmt.RuleGroup, set slo.Set) ([]slo.AlertModel, error) {
	var (
		models []slo.AlertModel
		errs   []error
	)
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			m, err := alertModel(r, set)
			if err != nil {
				errs = append(errs, fmt.Errorf("alert %q of group %q: %w", r.Alert, g.Name, err))
				continue
			}
			models = append(models, m)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return models, nil
}

func alertModel(r rulefmt.Rule, set slo.Set) (slo.AlertModel, error) {
	m := slo.AlertModel{
		Name:     r.Alert,
		Labels:   maps.Clone(r.Labels),
		Severity: r.Labels[LabelSeverity],
		SLO:      r.Labels[LabelSLO],
		For:      time.Duration(r.For),
	}
	if m.SLO == "" {
		var err error
		m.Opaque, err = looksBack(r.Expr)
		return m, err
	}
	s, ok := set.Get(m.SLO)
	if !ok {
		return m, fmt.Errorf("SLO %q does not exist; generate the rules again", m.SLO)
	}
	m.Objective = s.Objective
	long, short := r.Labels[LabelLongWindow], r.Labels[LabelShortWindow]
	if long == "" && short == "" {
		m.Opaque = true // it watches recorded series, which have windows of their own
		return m, nil
	}
	for _, w := range slo.BurnWindows(s.Window) {
		if window(w.Long) == long && window(w.Short) == short {
			m.Burn = &w
			return m, nil
		}
	}
	return m, fmt.Errorf("SLO %q has no burn-rate windows %s and %s; generate the rules again", m.SLO, long, short)
}

// looksBack tells whether the expression reads more than the newest samples.
func looksBack(text string) (bool, error) {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return false, fmt.Errorf("parse %q: %w", text, err)
	}
	back := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n.(type) {
		case *parser.MatrixSelector, *parser.SubqueryExpr:
			back = true
		}
		return nil
	})
	return back, nil
}
