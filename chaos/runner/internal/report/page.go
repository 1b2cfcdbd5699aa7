package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// page is what the HTML template writes down. Everything in it is text or laid
// out: the template decides nothing.
type page struct {
	Title    string
	Verdict  result.Verdict
	Headline string
	Lede     string
	Counts   []verdictCount
	Facts    []fact
	Notes    []string
	Runs     []runPage
	Command  string
	Modules  []fact
	Cluster  []fact // empty on target local
}

type verdictCount struct {
	Verdict result.Verdict
	N       int
}

// fact is a name and what belongs to it.
type fact struct{ Name, Value, More string }

// runPage is one run.
type runPage struct {
	result.Run
	Anchor   string
	FullName string
	Claim    string // what the overview says: the hypothesis that held, or why not
	Further  []result.Finding
	Clocks   []fact
	Took     string
	Spent    string
	Allowed  string
	Detect   string
	Back     string
	Facts    []fact
	Charts   []sliPage
	Burn     []chart.Figure
	Covered  []chart.Figure
	Timeline *timeline
	Budgets  []budget
	Faults   []faultPage
	Effects  []effectPage
	Phases   []phasePage
	Command  string
}

// budget is one SLO's share of its error budget, drawn as a bar of 100 units.
type budget struct {
	Name            string
	Spent, Allowed  string
	Events          string
	Bar             chart.Bar
	WholeWindowDays string
}

// sliPage is an SLI's chart and what was asked for it.
type sliPage struct {
	Figure chart.Figure
	Query  string
}

type faultPage struct {
	result.Fault
	Lasts string
}

type effectPage struct {
	result.Effect
	When string
}

type phasePage struct{ Name, From, Took string }

func newPage(r result.Report) page {
	p := page{
		Title:    headline(r),
		Verdict:  r.Verdict,
		Headline: headline(r),
		Lede:     lede(r),
		Notes:    r.Target.Notes,
		Command:  commandLine(r),
	}
	counts := tally(r.Experiments)
	order := result.Verdicts()
	slices.Reverse(order)
	for _, v := range order {
		if counts[v] > 0 {
			p.Counts = append(p.Counts, verdictCount{v, counts[v]})
		}
	}
	p.Facts = []fact{
		{Name: "Where", Value: where(r.Target), More: fmt.Sprintf("%s/%s, %s", r.Tool.OS, r.Tool.Arch, chart.Plural(r.Tool.CPUs, "CPU"))},
		{Name: "When", Value: r.Started.UTC().Format("2 January 2006, 15:04:05") + " UTC", More: "took " + chart.Seconds(r.Ended.Sub(r.Started).Seconds())},
		{Name: "Measured", Value: "every " + chart.Seconds(float64(r.Target.ScrapeInterval)), More: "rules every " + chart.Seconds(float64(r.Target.EvaluationInterval)) + scaleNote(r.Target.AlertScale)},
		{Name: "With", Value: "ballast " + r.Tool.Version, More: strings.TrimSpace(shortRevision(r.Tool.Revision) + " " + r.Tool.Go)},
	}
	if r.Target.Cluster != nil {
		for _, c := range properties(*r.Target.Cluster, r.Ended) {
			p.Cluster = append(p.Cluster, fact{Name: c.name, Value: c.value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Tool.Modules)) {
		p.Modules = append(p.Modules, fact{Name: name, Value: r.Tool.Modules[name]})
	}
	for i, run := range r.Experiments {
		p.Runs = append(p.Runs, newRunPage(i, run, r))
	}
	// What needs attention comes first.
	slices.SortStableFunc(p.Runs, func(a, b runPage) int {
		return cmp.Compare(slices.Index(result.Verdicts(), a.Verdict), slices.Index(result.Verdicts(), b.Verdict))
	})
	return p
}

func newRunPage(i int, run result.Run, r result.Report) runPage {
	id := fmt.Sprintf("run-%d", i+1)
	w := windowOf(run)
	step := time.Duration(float64(r.Target.ScrapeInterval) * float64(time.Second))
	p := runPage{
		Run:      run,
		Anchor:   id,
		FullName: runName(run),
		Took:     chart.Seconds(run.Ended.Sub(run.Started).Seconds()),
		Detect:   secondsOf(run.TimeToDetect),
		Back:     secondsOf(run.TimeToRecover),
		Spent:    chart.None,
		Facts:    keyFigures(run),
		Claim:    run.Summary,
		Further:  further(run),
		Clocks:   clocks(run),
		Command:  runAgain(run, r),
	}
	if run.Verdict == result.Pass && run.Hypothesis != "" && !run.Control {
		p.Claim = run.Hypothesis
	}
	if worst, ok := worstBudget(run); ok {
		p.Spent = chart.Percent(*worst.BudgetSpent)
		if worst.BudgetLimit != nil {
			p.Allowed = chart.ExactPercent(*worst.BudgetLimit)
		}
	}
	for j, sli := range run.SLIs {
		name := fmt.Sprintf("%s-sli-%d", id, j+1)
		p.Charts = append(p.Charts, sliPage{sliFigure(name, sli, run, w, step), sli.Query})
		if sli.BurnRate != nil {
			p.Burn = append(p.Burn, burnFigure(name+"-burn", sli, run, w, step))
		}
		if sli.BudgetSpent != nil {
			p.Budgets = append(p.Budgets, newBudget(sli))
		}
	}
	p.Covered = coverFigures(id, run, w)
	p.Timeline = newTimeline(id, run, w)
	for _, f := range run.Faults {
		lasts := "happens once"
		if f.Duration > 0 {
			lasts = "at\u00a0most\u00a0" + chart.Seconds(float64(f.Duration))
		}
		p.Faults = append(p.Faults, faultPage{f, lasts})
	}
	for _, e := range run.Effects {
		p.Effects = append(p.Effects, effectPage{e, chart.Offset(e.At.Sub(w.Zero).Round(100 * time.Millisecond))})
	}
	for _, ph := range run.Phases {
		p.Phases = append(p.Phases, phasePage{
			Name: string(ph.Phase),
			From: chart.Offset(ph.Start.Sub(w.Zero).Round(100 * time.Millisecond)),
			Took: chart.Seconds(ph.End.Sub(ph.Start).Seconds()),
		})
	}
	return p
}

// chartScrapes is how many scrapes the engine puts into one point of an error
// ratio; so long a tail has every outage in the chart.
const chartScrapes = 4

func sliFigure(id string, sli result.SLI, run result.Run, w chart.Window, step time.Duration) chart.Figure {
	unit := func(v float64) string { return chart.Significant(v, 3) }
	title, caption := sli.Name, sli.Unit
	if isRatio(sli) {
		unit, caption = chart.Percent, "share of bad requests, each point over the last "+chart.Seconds(chartScrapes*step.Seconds())
	}
	line := points(sli.Points)
	p := chart.Plot{
		ID: id, Title: title, Unit: unit, Series: []chart.Series{{Points: line}}, Caption: caption,
		Step: chart.Step(line, step), Height: 250,
	}
	switch {
	case sli.Objective != nil:
		p.Bounds = []chart.Bound{{Value: 1 - *sli.Objective, Label: fmt.Sprintf("objective %s: at most %s bad", chart.ExactPercent(*sli.Objective), chart.ExactPercent(1-*sli.Objective))}}
	default:
		if sli.Max != nil {
			p.Bounds = append(p.Bounds, chart.Bound{Value: *sli.Max, Label: "at most " + chart.Significant(*sli.Max, 6)})
		}
		if sli.Min != nil {
			p.Bounds = append(p.Bounds, chart.Bound{Value: *sli.Min, Label: "at least " + chart.Significant(*sli.Min, 6), Lower: true})
		}
	}
	return p.Draw(w, annotations(run, w), chart.Sizes()...)
}

func burnFigure(id string, sli result.SLI, run result.Run, w chart.Window, step time.Duration) chart.Figure {
	line := points(sli.BurnRate)
	return chart.Plot{
		ID: id, Title: "Burn rate of " + sli.Name, Series: []chart.Series{{Points: line}},
		Caption: "how many times faster than sustainable the error budget was spent",
		Unit:    func(v float64) string { return chart.Significant(v, 3) + "×" },
		Bounds:  []chart.Bound{{Value: 1, Label: "1×: the budget lasts exactly its window"}},
		Step:    chart.Step(line, step), Height: 190,
	}.Draw(w, annotations(run, w), chart.Sizes()...)
}

// clocks are the instants of a run on the reader's clock and on the charts' axis.
func clocks(run result.Run) []fact {
	if run.T0 == nil || run.Control {
		return nil // without a fault, nothing began or ended
	}
	at := func(name string, t *time.Time) fact {
		f := fact{Name: name, Value: chart.None}
		if t != nil {
			f.Value = t.UTC().Format("15:04:05.0") + " UTC"
			f.More = chart.Offset(t.Sub(*run.T0).Round(100 * time.Millisecond))
		}
		return f
	}
	return []fact{
		at("Fault began (t0)", run.T0), at("Seen on every target (t1)", run.T1),
		at("Removal asked for", run.Removed), at("Last trace gone", run.Back),
	}
}

// isRatio tells an SLO's error ratio from the value of a PromQL expression.
func isRatio(s result.SLI) bool { return s.Objective != nil || s.Unit == "error ratio" }

func newBudget(s result.SLI) budget {
	b := budget{Name: s.Name, Spent: chart.Percent(*s.BudgetSpent)}
	label := b.Spent + " of the error budget spent"
	if s.BudgetLimit != nil {
		b.Allowed = chart.ExactPercent(*s.BudgetLimit)
		label += ", " + b.Allowed + " allowed"
	}
	b.Bar = chart.NewBar(label, *s.BudgetSpent, s.BudgetLimit)
	if s.BadEvents != nil && s.TotalEvents != nil {
		b.Events = fmt.Sprintf("%s of %s requests were bad", chart.Count(*s.BadEvents), chart.Count(*s.TotalEvents))
	}
	if s.BudgetEvents != nil && s.WindowDays != nil {
		b.WholeWindowDays = fmt.Sprintf("the whole budget is %s bad requests in %s days", chart.Count(*s.BudgetEvents), chart.Significant(*s.WindowDays, 3))
		if s.BaselineRate != nil {
			b.WholeWindowDays += fmt.Sprintf(" at %s requests/s", chart.Significant(*s.BaselineRate, 3))
		}
	}
	return b
}

func keyFigures(run result.Run) []fact {
	var out []fact
	if s, ok := worstBudget(run); ok {
		f := fact{Name: "Error budget spent", Value: chart.Percent(*s.BudgetSpent), More: s.Name}
		if s.BudgetLimit != nil {
			f.More = "of " + chart.ExactPercent(*s.BudgetLimit) + " allowed, " + s.Name
		}
		out = append(out, f)
	}
	detect := fact{Name: "Time to detect", Value: secondsOf(run.TimeToDetect), More: "no alert fired"}
	if run.TimeToDetect != nil {
		detect.More = "from the fault to an alert"
		for _, a := range run.Alerts {
			if a.PredictedMin != nil && a.PredictedMax != nil && a.Measured != nil && *a.Measured == *run.TimeToDetect {
				detect.More = fmt.Sprintf("predicted %s to %s", chart.Seconds(float64(*a.PredictedMin)), chart.Seconds(float64(*a.PredictedMax)))
			}
		}
	}
	back := fact{Name: "Time to recover", Value: secondsOf(run.TimeToRecover), More: "not seen"}
	if run.TimeToRecover != nil {
		back.More = "after the fault was removed"
	}
	if run.Control {
		detect.More, back.More = "no fault was injected", "no fault was injected"
	}
	radius := fact{Name: "Blast radius", Value: chart.Plural(run.Radius.Targets, "target")}
	if run.Radius.Targets > 0 {
		radius.More = chart.PercentTo(run.Radius.Percent/100, 3) + " of the workload's ready pods"
	}
	return append(out, detect, back, radius)
}

// lede gives the counts in words and what a manager asks next.
func lede(r result.Report) string {
	var parts []string
	counts := tally(r.Experiments)
	words := map[result.Verdict]string{
		result.Pass: "passed", result.Fail: "failed", result.Inconclusive: "could not be judged",
		result.Aborted: "stopped by " + stopper(r), result.Residual: "left something behind",
	}
	for _, v := range []result.Verdict{result.Pass, result.Fail, result.Inconclusive, result.Aborted, result.Residual} {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[v]))
		}
	}
	s := ""
	if len(r.Experiments) > 1 && len(parts) > 1 {
		s = strings.Join(parts, ", ") + ". "
	}
	var left []string
	injected := false
	for _, run := range r.Experiments {
		left = append(left, run.Residue...)
		injected = injected || (run.T0 != nil && !run.Control)
	}
	switch {
	case len(left) > 0:
		s += chart.Plural(len(left), "thing") + " of a fault must be removed by hand or with ballast sweep."
	case injected:
		s += "Every fault was removed; nothing of it is left."
	}
	return s
}

func where(t result.TargetInfo) string {
	if t.Kind == result.TargetLocal {
		return "local: processes on one machine"
	}
	if t.Cluster != nil {
		return t.Kind + ": " + t.Cluster.Context
	}
	return t.Kind
}

func scaleNote(scale float64) string {
	if scale == 0 || scale == 1 {
		return ""
	}
	return ", alert windows divided by " + chart.Significant(scale, 6)
}

// shortRevision keeps enough of a commit to find it, and the mark of changes.
func shortRevision(rev string) string {
	hash, dirty, changed := strings.Cut(rev, "+")
	hash = hash[:min(12, len(hash))]
	if changed {
		return hash + "+" + dirty
	}
	return hash
}

// commandLine is what to paste into a shell to run everything again.
func commandLine(r result.Report) string {
	var words []string
	for _, w := range r.Command {
		words = append(words, shellQuote(w))
	}
	if r.Directory == "" {
		return strings.Join(words, " ")
	}
	return "cd " + shellQuote(r.Directory) + " && " + strings.Join(words, " ")
}

// inCluster is the context of a runner that runs in the cluster: it needs no name.
const inCluster = "in-cluster"

// runAgain is the same for one experiment.
func runAgain(run result.Run, r result.Report) string {
	if len(r.Command) == 0 || run.File == "" {
		return ""
	}
	words := []string{shellQuote(r.Command[0]), "run", "--target", shellQuote(r.Target.Kind)}
	if c := r.Target.Cluster; c != nil && c.Context != inCluster {
		words = append(words, "--context", shellQuote(c.Context))
	}
	if run.Control {
		words = append(words, "--control")
	}
	command := strings.Join(append(words, shellQuote(run.File)), " ")
	if r.Directory == "" {
		return command
	}
	return "cd " + shellQuote(r.Directory) + " && " + command
}

// shellQuote quotes s for a POSIX shell when it has to be.
func shellQuote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func duration(s result.Seconds) time.Duration {
	return time.Duration(float64(s) * float64(time.Second))
}
