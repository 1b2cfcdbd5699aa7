package rules

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// look is how often a query is asked for within a slice: often enough to tell a part of
// it, and no more often than a usual scrape.
const look = 10 * time.Second

// slice is the rule that records how good the time slice was that ends now, in [0, 1],
// for SLOs that judge time. Its group is evaluated once a slice, so that its samples are
// slices that lie side by side: an average of them is a share of slices, and their number
// is that of the slices that could be judged.
//
// It is absent where nothing can be said of the slice: no events, no number, no data.
func (g generator) slice() []rulefmt.Rule {
	s := g.slo.Slices
	if s == nil {
		return nil
	}
	expr := g.share()
	if s.Target > 0 {
		expr = fmt.Sprintf("round(\n%s,\n  1e-12\n) >= bool %s\n", trimmed(indent(expr)), number(s.Target))
	}
	return []rulefmt.Rule{g.record(slo.SeriesSlice, expr)}
}

// interval is how often the first group is evaluated; 0 is as often as Prometheus does.
func (g generator) interval() model.Duration {
	if g.slo.Slices == nil {
		return 0
	}
	return model.Duration(g.slo.Slices.Length)
}

// share is how much of the slice that ends now was good.
func (g generator) share() string {
	s := g.slo.Slices
	w := window(s.Length)
	if s.Query == "" {
		return fmt.Sprintf("clamp_max(\n  %[1]s(rate(%[2]s[%[4]s]))\n    / (%[1]s(rate(%[3]s[%[4]s])) > 0),\n  1\n)\n", g.by("sum"), g.slo.Good, g.slo.Total, w)
	}
	if s.Op != "" {
		// What is not a number meets nothing, and breaks nothing.
		return g.during(fmt.Sprintf("%s(((%s) >= -Inf) %s bool %s)", g.by("avg"), s.Query, s.Op, exact(s.Value)))
	}
	ratio := fmt.Sprintf("clamp_max(\n%s,\n  1\n)\n", trimmed(indent(g.during(fmt.Sprintf("%s((%s) >= 0 <= %s) and %s(%s) == 1", g.by("avg"), s.Query, exceeds, g.by("count"), s.Query)))))
	if s.Bad {
		return "1 - " + ratio
	}
	return ratio
}

// during is the average over a slice of what is said of each instant.
func (g generator) during(instant string) string {
	return fmt.Sprintf("avg_over_time(\n  (%s)[%s:%s]\n)\n", instant, window(g.slo.Slices.Length), window(look))
}

func trimmed(text string) string { return text[:len(text)-1] }

// exact prints a number as it is.
func exact(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// meanOfSlices is the error ratio over one window.
func (g generator) meanOfSlices(w time.Duration) string {
	return fmt.Sprintf("round(\n  1 - avg_over_time(%s[%s]),\n  1e-12\n)\n", g.of(slo.SeriesSlice), window(w))
}

// there is what shows that the SLO could be judged: its counter, and with slices that the
// rules were evaluated, too, as the past before them has no slices.
func (g generator) there() string {
	counter := fmt.Sprintf("%s(%s)", g.by("sum"), g.slo.Total)
	if g.slo.Slices == nil {
		return counter
	}
	if g.slo.Slices.Query != "" {
		counter = fmt.Sprintf("%s(%s)", g.by("count"), g.slo.Slices.Query)
	}
	return fmt.Sprintf("%s and on () %s{%s=%q,%s=%q}", counter, prom.Heartbeat, prom.GroupLabel, "slo-"+g.slo.Name, LabelSLO, g.slo.Name)
}

// went says of which share of what a window's error ratio is.
func (g generator) went(w time.Duration) string {
	switch s := g.slo.Slices; {
	case s == nil:
		return fmt.Sprintf("of the events of the last %s went bad", window(w))
	case s.Target > 0:
		return fmt.Sprintf("of the time slices of %s in the last %s were bad", window(s.Length), window(w))
	default:
		return fmt.Sprintf("of the time of the last %s was bad", window(w))
	}
}

// The values of the alert that a query cannot be judged by.
const (
	queryUnseen  = 1 // it gives nothing
	queryDivided = 2 // it gives several ratios
)

// unmeasured is missing of an SLO with a query. A query that gives NaN is idle, and that
// is not a fault.
func (g generator) unmeasured() string {
	q := g.slo.Slices.Query
	expr := fmt.Sprintf("sum(absent(%s))\n", q)
	if g.slo.Slices.Op == "" {
		expr += fmt.Sprintf("or 0 * (%s(%s) > 1) + %d\n", g.by("count"), q, queryDivided)
	}
	if len(g.slo.GroupBy) > 0 {
		expr += fmt.Sprintf("or (%[1]s(last_over_time(%[2]s[%[3]s])) unless %[1]s(%[4]s))\n", g.by("group"), g.of(slo.SeriesSlice), window(escalation), q)
	}
	return expr
}

func (g generator) unmeasuredAlert(severity string) rulefmt.Rule {
	name := BlindAlertName(g.slo.Name)
	return rulefmt.Rule{
		Alert: name, Expr: g.unmeasured(), For: model.Duration(dataPending), Labels: g.alertLabels(severity),
		Annotations: g.annotations(name,
			g.title()+" cannot be judged: nothing is measured.",
			fmt.Sprintf("{{ if eq $value %d.0 }}%s gives several ratios, and nobody can tell how much each of them weighs: aggregate them, or group the SLO by their labels."+
				"{{ else }}%s gives nothing: the query is wrong, or what it reads is not scraped.{{ end }} It has been so for %s, and no burn-rate alert of this SLO can begin to fire.",
				queryDivided, literal(g.slo.Slices.Query), literal(g.slo.Slices.Query), window(dataPending)),
		),
	}
}

// noRatioAlert is that a ratio is not one.
func (g generator) noRatioAlert(severity string) rulefmt.Rule {
	name := ExceedsAlertName(g.slo.Name)
	q := g.slo.Slices.Query
	return rulefmt.Rule{
		Alert: name, Expr: fmt.Sprintf("%s((%s) > %s or (%s) < 0)\n", g.by("max"), q, exceeds, q),
		For: model.Duration(dataPending), Labels: g.alertLabels(severity),
		Annotations: g.annotations(name,
			g.title()+" has a ratio beyond 0 and 1.",
			fmt.Sprintf("%s gives {{ $value | humanize }}, for %s: it may be in percent. What is no ratio is not counted meanwhile.", literal(q), window(dataPending)),
		),
	}
}

// idleQuery is what an idle SLO with a query shows: it gives no number.
func (g generator) idleQuery() string {
	q := g.slo.Slices.Query
	return fmt.Sprintf("%[1]s((%[2]s) != (%[2]s)) unless %[1]s(%[3]s)", g.by("group"), q, g.of(slo.SeriesSlice))
}
