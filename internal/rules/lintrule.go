package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/slo"
)

// minPending is the shortest pending time of an alert on the newest samples: it
// outlasts one missed scrape at the usual intervals.
const minPending = time.Minute

// watchdog is the alert that always fires, for a service outside of the cluster that waits
// for it.
const watchdog = "Watchdog"

// rule looks for what is wrong with one rule.
func (l *linter) rule(file string, r rulefmt.Rule, recorded map[string]bool) {
	field := "rule " + r.Record + r.Alert
	if name := r.Labels[LabelSLO]; name != "" && !slices.Contains(l.slos, name) {
		l.problem(file, 0, field, "is of the SLO %q, which does not exist; remove the rule", name)
	}
	if r.Labels[LabelSLO] == "" { // those of SLOs were looked at where they come from
		for _, unknown := range l.unknown(r.Expr, recorded) {
			l.problem(file, 0, field, "%s", unknown)
		}
	}
	if r.Alert == "" {
		return
	}
	// Where all of a grouped SLO's counters are gone, nobody knows its groups.
	if first, second, changes := changingLabels(r.Expr); changes && r.Labels[LabelSLO] == "" {
		l.problem(file, 0, field, "its labels are %s on one side of an `or` and %s on the other, so that it ends and begins again when the cause changes; give both sides the same", first, second)
	}
	l.severity(file, field, r)
	l.routed(file, field, r)
	for _, annotation := range []string{"summary", "description"} {
		if strings.TrimSpace(r.Annotations[annotation]) == "" {
			l.problem(file, 0, field, "annotation %s is missing; say what is wrong", annotation)
		}
	}
	l.runbook(file, field, r)
	if problem, err := outlasted(r); err == nil && problem != "" {
		l.problem(file, 0, field, "%s", problem)
	}
	if r.Labels[LabelLongWindow] != "" || time.Duration(r.For) >= minPending {
		return
	}
	if reach, _, err := looksBack(r.Expr); err == nil && reach == 0 && readsSeries(r.Expr) {
		l.problem(file, 0, field, "for is %s, so that one missed scrape fires it; make it at least %s", r.For, window(minPending))
	}
}

// severity finds one that no person gets, and people who would get what always fires.
func (l *linter) severity(file, field string, r rulefmt.Rule) {
	s := r.Labels[LabelSeverity]
	switch {
	case r.Alert == watchdog && s != slo.None:
		l.problem(file, 0, field, "severity is %q, and it always fires; make it %s", s, slo.None)
	case r.Alert != watchdog && s != slo.Page && s != slo.Ticket:
		l.problem(file, 0, field, "severity is %q; make it %s or %s", s, slo.Page, slo.Ticket)
	}
}

// readsSeries reports whether the expression selects anything: what reads nothing cannot
// miss a scrape.
func readsSeries(text string) bool {
	expr, err := newParser().ParseExpr(text)
	return err != nil || len(parser.ExtractSelectors(expr)) > 0
}
