package rules

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Server is a Prometheus that has what SLOs are about, as [prom.Client] is one.
type Server interface {
	Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error)
	Retention(ctx context.Context) (time.Duration, error)
}

// LintLive compares the SLOs of a checkout with what a Prometheus has now: selectors that
// match no series, windows with too few events for a tier's threshold to mean anything, and
// tiers that look back further than it keeps samples. Where it does not say how long that
// is, nothing is said about it. It blocks for as long as the questions take, three for each
// SLO; the error is of asking, and wraps what [prom] says.
func LintLive(ctx context.Context, root string, server Server) (document.Problems, error) {
	set, err := slo.Load(filepath.Join(root, "alerts", "slo"))
	if err != nil {
		return nil, err
	}
	keeps, err := server.Retention(ctx)
	if err != nil && !errors.Is(err, prom.ErrNoRulesAPI) {
		return nil, err
	}
	var found document.Problems
	for _, s := range set.All() {
		l := live{SLO: s, server: server}
		l.kept(keeps)
		look := l.counted
		if s.Slices != nil && s.Slices.Query != "" {
			look = l.measured
		}
		if err := look(ctx); err != nil {
			return nil, err
		}
		found = append(found, l.found...)
	}
	return found, nil
}

// Clock is a Prometheus that says how often it does things, as [prom.Client] does.
type Clock interface {
	Interval(ctx context.Context, selector string) (time.Duration, error)
	Rules(ctx context.Context) ([]prom.RuleGroup, error)
}

// IntervalsIn measures how often a Prometheus scrapes the events of the SLOs, the slowest
// of them, and asks how often it evaluates their first group. Where it has no rules API,
// the heartbeats of the groups tell. It blocks for a question for each SLO and one or two more.
// The error wraps what [prom] says: ErrNoData where nothing was scraped or evaluated lately.
func IntervalsIn(ctx context.Context, server Clock, slos slo.Set) (Intervals, error) {
	var found Intervals
	groups, err := server.Rules(ctx)
	if err != nil && !errors.Is(err, prom.ErrNoRulesAPI) {
		return found, err
	}
	known := map[string]time.Duration{}
	for _, g := range groups {
		known[g.Name] = g.Interval
	}
	for _, s := range slos.All() {
		scrape, err := server.Interval(ctx, s.Total)
		if err != nil {
			return found, fmt.Errorf("how often the events of %s are scraped: %w", s.Name, err)
		}
		group := From(s, Options{})[0].Name
		evaluation, ok := known[group]
		if !ok {
			evaluation, err = server.Interval(ctx, fmt.Sprintf("%s{%s=%q}", prom.Heartbeat, prom.GroupLabel, group))
		}
		if err != nil {
			return found, fmt.Errorf("how often the rules of %s are evaluated: %w", s.Name, err)
		}
		found.Scrape, found.Evaluation = max(found.Scrape, scrape), max(found.Evaluation, evaluation)
	}
	return found, nil
}

// live looks at one SLO.
type live struct {
	slo.SLO
	server Server
	found  document.Problems
}

func (l *live) problem(field, format string, args ...any) {
	l.found = append(l.found, document.Problem{File: l.File, Line: l.Line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// kept compares the longest window of a tier with how long samples are kept; 0 is unknown.
func (l *live) kept(d time.Duration) {
	if last := longest(l.SLO); d > 0 && d < last.Long {
		l.problem("spec.timeWindow[0].duration", "tier %s looks back %s, and this Prometheus keeps %s; keep more, or take a shorter period", last.Tier, window(last.Long), window(d))
	}
}

// counted looks for the counters, and then at how much they count.
func (l *live) counted(ctx context.Context) error {
	const field = "spec.indicator"
	there := true
	for _, q := range []struct{ what, selector string }{{"good", l.Good}, {"total", l.Total}} {
		_, err := l.server.Instant(ctx, "count("+q.selector+")", time.Time{})
		switch {
		case errors.Is(err, prom.ErrNoData):
			l.problem(field, "%s events: this Prometheus has no series of %s; check the name and the labels", q.what, q.selector)
			there = there && q.what != "total"
		case err != nil:
			return err
		}
	}
	if !there || l.Slices != nil {
		return nil // slices are as many as their length says
	}
	tier := l.Tiers()[0] // a longer window holds more, and needs less than that
	events, err := l.server.Instant(ctx, fmt.Sprintf("min(%s(increase(%s[%s])))", generator{slo: l.SLO}.by("sum"), l.Total, window(tier.Long)), time.Time{})
	if errors.Is(err, prom.ErrNoData) {
		return nil // there were no two scrapes yet
	}
	if err != nil {
		return err
	}
	threshold, least := tier.Threshold(l.Objective), float64(l.LeastBad())
	if events.V*threshold >= least {
		return nil
	}
	where := ""
	if len(l.GroupBy) > 0 {
		where = " in the quietest group"
	}
	l.problem(field, "%.0f events within %s%s: %d bad ones, without which tier %s does not fire, are %s of them, and its threshold is %s; take a longer period, or ballast.dev/min-bad-events below %d",
		events.V, window(tier.Long), where, l.LeastBad(), tier.Tier, share(least, events.V), percent(round(threshold, 6)), l.LeastBad())
	return nil
}

func share(part, whole float64) string {
	if part > whole {
		return "more than all"
	}
	return percent(round(part/whole, 4))
}
