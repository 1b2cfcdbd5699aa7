package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/slo"
)

// Models describes every alerting rule of unscaled groups as slo's arithmetic and
// the matching of alerts need it. An alert with the labels slo, long_window and short_window watches a
// burn rate; an SLO or a pair of windows that does not exist is an error.
func Models(groups []rulefmt.RuleGroup, set slo.Set) ([]slo.AlertModel, error) {
	var (
		models []slo.AlertModel
		errs   []error
	)
	recorded := feedsOf(groups)
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			m, err := alertModel(r, g, set)
			if err == nil {
				m.Feeds, err = recorded.of(g.Name, r.Expr)
			}
			if m.Slice > 0 && g.Name != "slo-"+m.SLO {
				m.Feeds = append(m.Feeds, m.Slice) // of which its windows are, wherever they are recorded
			}
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

func alertModel(r rulefmt.Rule, g rulefmt.RuleGroup, set slo.Set) (slo.AlertModel, error) {
	own := map[string]string{}
	maps.Copy(own, g.Labels)
	maps.Copy(own, r.Labels)
	m := slo.AlertModel{
		Name:     r.Alert,
		Group:    g.Name,
		Interval: time.Duration(g.Interval),
		Labels:   own,
		Severity: own[LabelSeverity],
		SLO:      own[LabelSLO],
		For:      time.Duration(r.For),

		KeepFiring: time.Duration(r.KeepFiringFor),
	}
	var err error
	if m.FromSeries, err = labelsOf(r); err != nil {
		return m, fmt.Errorf("parse %q: %w", r.Expr, err)
	}
	if m.SLO == "" {
		m.Reach, m.Total, err = looksBack(r.Expr)
		m.Opaque = m.Reach > 0
		if err == nil && !m.Opaque && !shifted(r.Expr) {
			m.Condition = r.Expr
		}
		return m, err
	}
	s, ok := set.Get(m.SLO)
	if !ok {
		return m, fmt.Errorf("SLO %q does not exist; generate the rules again", m.SLO)
	}
	m.Objective = s.Objective
	long, short := own[LabelLongWindow], own[LabelShortWindow]
	if long == "" && short == "" {
		m.Opaque = true // it watches recorded series, which have windows of their own
		return m, nil
	}
	if w, ok := windowOf(s, own); ok {
		m.Burn, m.LeastBad = &w, s.LeastBad()
		m.LongRatio, m.Total = "max("+RecordedAt(slo.SeriesErrorRatio, s.Name, w.Long)+")", s.Total
		if s.Slices == nil && len(s.GroupBy) == 0 {
			m.Good = s.Good
		}
		if s.Slices != nil {
			m.Slice, m.SliceRates = s.Slices.Length, s.Slices.Query == ""
			m.Total = generator{slo: s}.of(slo.SeriesSlice)
			if s.Slices.Query != "" {
				m.Lag, _, err = looksBack(s.Slices.Query)
			}
		}
		return m, err
	}
	return m, fmt.Errorf("SLO %q has no burn-rate windows %s and %s; generate the rules again", m.SLO, long, short)
}

// feeds finds the groups that record what the rules of other groups read.
type feeds map[string][]feed // by the name of the series

type feed struct {
	group    string
	interval time.Duration
	labels   map[string]string
}

func feedsOf(groups []rulefmt.RuleGroup) feeds {
	all := feeds{}
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				all[r.Record] = append(all[r.Record], feed{g.Name, time.Duration(g.Interval), r.Labels})
			}
		}
	}
	return all
}

// of returns the interval of each other group that records what the expression reads.
func (f feeds) of(group, text string) ([]time.Duration, error) {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", text, err)
	}
	intervals := map[string]time.Duration{}
	for _, matchers := range parser.ExtractSelectors(expr) {
		for _, feed := range f[nameOf(matchers)] {
			if feed.group != group && feed.matches(matchers) {
				intervals[feed.group] = feed.interval
			}
		}
	}
	return slices.Sorted(maps.Values(intervals)), nil
}

// matches reports whether the recorded series can be selected: the labels that the
// rule sets do not speak against it.
func (f feed) matches(matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
		value, set := f.labels[m.Name]
		return set && !m.Matches(value)
	})
}

// nameOf is the metric that a selector names; empty when it names none.
func nameOf(matchers []*labels.Matcher) string {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// looksBack returns how far the expression reads back beyond the newest samples, 0
// when it does not, and the selector that reads furthest.
func looksBack(text string) (reach time.Duration, selector string, err error) {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return 0, "", fmt.Errorf("parse %q: %w", text, err)
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		var span time.Duration
		var of parser.Node
		switch n := n.(type) {
		case *parser.MatrixSelector:
			span, of = n.Range, n.VectorSelector
		case *parser.SubqueryExpr:
			span, of = n.Range, n.Expr
		}
		if span <= reach {
			return nil
		}
		reach = span
		parser.Inspect(of, func(inner parser.Node, _ []parser.Node) error {
			if vs, ok := inner.(*parser.VectorSelector); ok {
				selector = vs.String()
			}
			return nil
		})
		return nil
	})
	return reach, selector, nil
}

// shifted says whether the expression reads at another time than it is evaluated at, which
// a target that scales time scales, too.
func shifted(text string) bool {
	expr, err := newParser().ParseExpr(text)
	if err != nil {
		return true
	}
	found := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if vs, ok := n.(*parser.VectorSelector); ok {
			found = found || vs.OriginalOffset != 0 || vs.OriginalOffsetExpr != nil || vs.Timestamp != nil || vs.StartOrEnd != 0
		}
		return nil
	})
	return found
}
