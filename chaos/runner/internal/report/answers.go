package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// answers are what a reader wants to know first, each in a sentence.
type answers struct {
	Broke  string // what broke
	Lasted string // how long
	Cost   string // what it cost
	Do     string // what to do
}

// facts are the answers under the names that the page and the text give them.
func (a answers) facts() []fact {
	return []fact{
		{Name: "What broke", Value: a.Broke},
		{Name: "For how long", Value: a.Lasted},
		{Name: "What it cost", Value: a.Cost},
		{Name: "What to do", Value: a.Do},
	}
}

// answer sums up one run that did not pass.
func answer(run result.Run, t result.TargetInfo) answers {
	return answers{Broke: broke(run), Lasted: lasted(run), Cost: cost(run, t), Do: advice(run, t.Kind)}
}

// broke names what is known to be broken: by an outcome that broke, or by what was left
// behind. A run that could not be judged has neither.
func broke(run result.Run) string {
	var parts []string
	if run.Verdict == result.Residual {
		for _, left := range run.Residue {
			parts = append(parts, "Left behind: "+left)
		}
		if len(parts) == 0 {
			parts = details(run, run.Verdict)
		}
	}
	for _, a := range run.Asserts {
		if a.Outcome == result.Broken {
			parts = append(parts, fmt.Sprintf("%s: %s (expected: %s)", a.Name, a.Observed, a.Expected))
		}
	}
	switch {
	case len(parts) > 0:
	case run.Verdict == result.Inconclusive:
		parts = append([]string{"Nothing is known to be: the run could not be judged"}, details(run, run.Verdict)...)
	default:
		parts = details(run, run.Verdict)
	}
	if len(parts) == 0 {
		return sentence(run.Summary)
	}
	return sentence(some(parts, 3))
}

// details are the findings that speak for the verdict.
func details(run result.Run, v result.Verdict) []string {
	var out []string
	for _, f := range run.Findings {
		if f.Verdict == v && f.Detail != "" {
			out = append(out, f.Detail)
		}
	}
	return out
}

// some joins the first few of a list and counts the others.
func some(list []string, n int) string {
	more := ""
	if len(list) > n {
		more = fmt.Sprintf("; and %d more", len(list)-n)
		list = list[:n]
	}
	return strings.Join(list, "; ") + more
}

// sentence ends s with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}

// lasted says how long clients were served worse than allowed, and of what has a bound in
// time by how much it was missed.
func lasted(run result.Run) string {
	if run.T0 == nil {
		return "No fault was injected."
	}
	w := windowOf(run)
	w.Zero = *run.T0
	var parts []string
	if h, ok := longest(harms(run)); ok {
		what := "of bad requests"
		if !isRatio(h.sli) {
			what = "out of bounds"
		}
		long := chart.Seconds(h.lasted().Seconds())
		if h.lasted() == 0 {
			long = "One sample"
		}
		part := fmt.Sprintf("%s %s (%s, from %s to %s)", long, what, h.sli.Name, w.When(h.from), w.When(h.to))
		if h.open {
			part += ", and still so when measuring ended"
		}
		parts = append(parts, part)
	}
	for _, a := range run.Asserts {
		if a.Kind == result.AssertExpect && a.Outcome == result.Broken {
			parts = append(parts, late(run, a.Name))
		}
	}
	switch {
	case run.TimeToRecover != nil:
		parts = append(parts, "Recovered "+chart.Seconds(float64(*run.TimeToRecover))+" after the fault was removed")
	case run.Removed != nil:
		part := "Not seen to recover"
		if end := run.Evidence.Moments.End; end != nil {
			part += " in the " + chart.Seconds(end.Sub(*run.Removed).Seconds()) + " after the fault was removed"
		}
		parts = append(parts, part)
	}
	if len(run.Residue) > 0 {
		parts = append(parts, "What was left behind was still there when the run ended")
	}
	if len(parts) == 0 {
		return "Not known."
	}
	return sentence(strings.Join(parts, ". "))
}

// late compares when an expected alert fired with when it was due.
func late(run result.Run, name string) string {
	var due result.Seconds
	for _, e := range run.Spec.Expect {
		if e.Name == name {
			due = e.Within
		}
	}
	for _, a := range run.Alerts {
		if a.Name != name {
			continue
		}
		if due == 0 && a.PredictedMax != nil {
			due = *a.PredictedMax
		}
		switch {
		case a.Measured != nil && due > 0 && *a.Measured > due:
			return fmt.Sprintf("%s fired after %s, due by %s: %s late", name, chart.Seconds(float64(*a.Measured)), chart.Seconds(float64(due)), chart.Seconds(float64(*a.Measured-due)))
		case a.Measured != nil:
			return name + " fired after " + chart.Seconds(float64(*a.Measured))
		}
	}
	if due > 0 {
		return fmt.Sprintf("%s never fired, due by %s", name, chart.Seconds(float64(due)))
	}
	return name + " never fired"
}

// cost is the error budget that the worst SLO lost, and what that is worth as an outage.
func cost(run result.Run, t result.TargetInfo) string {
	s, ok := worstBudget(run)
	if !ok {
		return "No error budget was counted."
	}
	out := chart.Percent(*s.BudgetSpent) + " of the error budget of " + s.Name
	if s.BadEvents != nil && s.TotalEvents != nil {
		out += fmt.Sprintf(": %s of %s requests", chart.Count(*s.BadEvents), chart.Count(*s.TotalEvents))
	}
	if s.Objective != nil && s.WindowDays != nil {
		const day = 24 * 60 * 60
		if outage := *s.BudgetSpent * (1 - *s.Objective) * *s.WindowDays * day; outage > 0 {
			out += ", as much as " + chart.Seconds(outage) + " of full outage"
		}
	}
	if s.BudgetLimit != nil && *s.BudgetLimit > 0 && *s.BudgetSpent > *s.BudgetLimit {
		out += ", " + chart.Significant(*s.BudgetSpent / *s.BudgetLimit, 2) + " times what was allowed"
	}
	if t.Kind == result.TargetLocal {
		out += ". Nobody is charged for runs on target local"
	}
	return sentence(out)
}

// glance is what the first screen of the page says: the runs that need attention, or how
// close it was when there is none.
type glance struct {
	Runs []glanceRun
	More int // runs that need attention and are not shown here
	// Green are the answers when every run passed.
	Green []fact
}

type glanceRun struct {
	Anchor, Name string
	Verdict      result.Verdict
	Facts        []fact
}

// glances is how many runs fit on a first screen.
const glances = 3

// newGlance takes the runs as the page orders them: what needs attention comes first.
func newGlance(runs []runPage, t result.TargetInfo) glance {
	var g glance
	for _, run := range runs {
		if run.Verdict == result.Pass {
			continue
		}
		if len(g.Runs) == glances {
			g.More++
			continue
		}
		g.Runs = append(g.Runs, glanceRun{run.Anchor, run.FullName, run.Verdict, answer(run.Run, t).facts()})
	}
	if len(g.Runs) == 0 && len(runs) > 0 {
		var all []result.Run
		for _, run := range runs {
			all = append(all, run.Run)
		}
		g.Green = green(all, t).facts()
	}
	return g
}

// green are the answers when every run passed: nothing broke, and how close it was.
func green(runs []result.Run, t result.TargetInfo) answers {
	a := answers{Lasted: "No fault was injected.", Cost: "No error budget was counted."}
	held, closestRun, costRun := 0, -1, -1
	var top headroom
	var weak []string
	var slowest *result.Seconds
	var dearest float64
	for i, run := range runs {
		for _, as := range run.Asserts {
			if as.Outcome == result.Held {
				held++
			}
		}
		if h, ok := closest(headrooms(run)); ok && (closestRun < 0 || h.used > top.used) {
			top, closestRun = h, i
		}
		if r := run.TimeToRecover; r != nil && (slowest == nil || *r > *slowest) {
			slowest = r
			a.Lasted = fmt.Sprintf("Slowest recovery: %s after the fault was removed (%s).", chart.Seconds(float64(*r)), runName(run))
		}
		if s, ok := worstBudget(run); ok && (costRun < 0 || *s.BudgetSpent > dearest) {
			dearest, costRun = *s.BudgetSpent, i
		}
		if toothless(run) != "" {
			weak = append(weak, runName(run))
		}
	}
	a.Broke = "Nothing: every assertion held."
	if held > 1 {
		a.Broke = fmt.Sprintf("Nothing: all %s held.", chart.Plural(held, "assertion"))
	}
	if closestRun >= 0 {
		a.Broke += fmt.Sprintf(" Closest to its bound: %s of %s, with %s of it.", top.assertion.Name, runName(runs[closestRun]), top)
	}
	if costRun >= 0 {
		a.Cost = "At most, by " + runName(runs[costRun]) + ": " + cost(runs[costRun], t)
	}
	a.Do = "Nothing."
	if len(weak) > 0 {
		slices.Sort(weak)
		a.Do = fmt.Sprintf("Tighten what could hardly have failed: %s. Lower its bounds, expect an alert, or let the fault reach the traffic.", some(slices.Compact(weak), 6))
	}
	return a
}
