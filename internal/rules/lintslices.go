package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// query looks for what is wrong with an SLO that compares what a query gives.
func (l *linter) query(s slo.SLO) {
	const field = "spec.indicator"
	for _, unknown := range l.unknown(s.Slices.Query, nil) {
		l.problem(s.File, s.Line, field, "what is measured: %s", unknown)
	}
	expr, err := newParser().ParseExpr(s.Slices.Query)
	if err != nil {
		return // which unknown reports
	}
	switch e := expr.(type) {
	case *parser.VectorSelector:
		if name := nameOf(e.LabelMatchers); l.known.types[name] == model.MetricTypeCounter {
			l.problem(s.File, s.Line, field, "what is measured: %s is a counter in docs/metrics, which only grows; measure its rate", name)
		}
	case *parser.Call:
		if e.Func.Name == "histogram_quantile" {
			l.reachable(s, e)
		}
	}
}

// reachable looks whether a quantile can exceed the value that it is compared with: above
// the highest bound of the buckets it is that bound, however slow all is.
func (l *linter) reachable(s slo.SLO, quantile parser.Expr) {
	for _, matchers := range parser.ExtractSelectors(quantile) {
		highest, found := l.known.highestBound(nameOf(matchers))
		if found && (s.Slices.Op == "<=" && s.Slices.Value >= highest || s.Slices.Op == "<" && s.Slices.Value > highest) {
			l.problem(s.File, s.Line, "spec.objectives", "a quantile of %s is never more than %v, the highest bound of its buckets in docs/metrics, so that nothing could ever be bad; give a lower value, or the histogram a bucket above %v",
				nameOf(matchers), highest, s.Slices.Value)
		}
	}
}

// slices compares the time slices of an SLO with how often a Prometheus scrapes.
func (l *linter) slices(s slo.SLO, p setting) {
	const field, mend = "spec.objectives", "scrape more often, or take longer slices"
	rates := s.Slices.Query == ""
	switch length := s.Slices.Length; {
	case rates && length < leastScrapes*p.scrape:
		l.problem(s.File, s.Line, field, "a time slice of %s holds fewer than %d scrapes at an interval of %s (%s), and compares their rates; %s",
			window(length), leastScrapes, window(p.scrape), p.file, mend)
	case !rates && length < p.scrape:
		l.problem(s.File, s.Line, field, "a time slice of %s is shorter than the interval of a scrape, %s (%s); %s", window(length), window(p.scrape), p.file, mend)
	}
}

// longest is what looks back the furthest of an SLO's alerts.
func longest(s slo.SLO) slo.BurnWindow {
	return slices.MaxFunc(s.Burns(), func(a, b slo.BurnWindow) int { return cmp.Compare(a.Long, b.Long) })
}

// measured looks whether the query of an SLO gives what can be judged.
func (l *live) measured(ctx context.Context) error {
	const field = "spec.indicator"
	q := l.Slices.Query
	got, err := l.server.Instant(ctx, fmt.Sprintf("max(%s(%s))", generator{slo: l.SLO}.by("count"), q), time.Time{})
	switch {
	case errors.Is(err, prom.ErrNoData):
		l.problem(field, "what is measured: this Prometheus gives nothing for %s; check the names and the labels", q)
		return nil
	case err != nil:
		return err
	case l.Slices.Op == "" && got.V > 1:
		l.problem(field, "what is measured: %s gives %.0f ratios, and nobody can tell how much each of them weighs; aggregate them, or add the annotation ballast.dev/group-by", q, got.V)
	}
	return nil
}
