package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
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
	Charts   []figure
	Burn     []figure
	Covered  []figure
	Timeline *timeline
	Budgets  []budget
	Faults   []faultPage
	Effects  []effectPage
	Phases   []phasePage
	Command  string
}

// figure is a chart in both its sizes.
type figure struct {
	Name   string
	Query  string
	Charts []chart
	Bounds bool
	Gaps   bool
}

type timeline struct {
	Alerts []alertPage
	Axes   []timeAxis
	// Predicted is true when any alert has a predicted time to draw.
	Predicted bool
}

type alertPage struct {
	result.Alert
	Which  string // which one of several of the same name
	Story  string
	Strips []strip
}

// budget is one SLO's share of its error budget, drawn as a bar of 100 units.
type budget struct {
	Name            string
	Spent, Allowed  string
	Events          string
	Bar, Limit      float64
	Over, HasLimit  bool
	WholeWindowDays string
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
		{Name: "Where", Value: where(r.Target), More: fmt.Sprintf("%s/%s, %s", r.Tool.OS, r.Tool.Arch, plural(r.Tool.CPUs, "CPU"))},
		{Name: "When", Value: r.Started.UTC().Format("2 January 2006, 15:04:05") + " UTC", More: "took " + seconds(r.Ended.Sub(r.Started).Seconds())},
		{Name: "Measured", Value: "every " + seconds(float64(r.Target.ScrapeInterval)), More: "rules every " + seconds(float64(r.Target.EvaluationInterval)) + scaleNote(r.Target.AlertScale)},
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
	s := spanOf(run)
	step := time.Duration(float64(r.Target.ScrapeInterval) * float64(time.Second))
	p := runPage{
		Run:      run,
		Anchor:   id,
		FullName: runName(run),
		Took:     seconds(run.Ended.Sub(run.Started).Seconds()),
		Detect:   secondsOf(run.TimeToDetect),
		Back:     secondsOf(run.TimeToRecover),
		Spent:    none,
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
		p.Spent = percent(*worst.BudgetSpent)
		if worst.BudgetLimit != nil {
			p.Allowed = exactPercent(*worst.BudgetLimit)
		}
	}
	for j, sli := range run.SLIs {
		name := fmt.Sprintf("%s-sli-%d", id, j+1)
		p.Charts = append(p.Charts, sliFigure(name, sli, run, s, step))
		if sli.BurnRate != nil {
			p.Burn = append(p.Burn, burnFigure(name+"-burn", sli, run, s, step))
		}
		if sli.BudgetSpent != nil {
			p.Budgets = append(p.Budgets, newBudget(sli))
		}
	}
	p.Covered = coverFigures(id, run, s)
	if len(run.Alerts) > 0 {
		p.Timeline = &timeline{Axes: timeAxes(run, s)}
		for j, a := range run.Alerts {
			p.Timeline.Alerts = append(p.Timeline.Alerts, alertPage{
				Alert: a, Which: which(a, run.Alerts), Story: alertStory(a, run),
				Strips: strips(fmt.Sprintf("%s-alert-%d", id, j+1), a, run, s),
			})
			p.Timeline.Predicted = p.Timeline.Predicted || a.PredictedMin != nil && a.PredictedMax != nil
		}
	}
	for _, f := range run.Faults {
		lasts := "happens once"
		if f.Duration > 0 {
			lasts = "at\u00a0most\u00a0" + seconds(float64(f.Duration))
		}
		p.Faults = append(p.Faults, faultPage{f, lasts})
	}
	for _, e := range run.Effects {
		p.Effects = append(p.Effects, effectPage{e, offset(e.At.Sub(s.zero).Round(100 * time.Millisecond))})
	}
	for _, ph := range run.Phases {
		p.Phases = append(p.Phases, phasePage{
			Name: string(ph.Phase),
			From: offset(ph.Start.Sub(s.zero).Round(100 * time.Millisecond)),
			Took: seconds(ph.End.Sub(ph.Start).Seconds()),
		})
	}
	return p
}

// chartScrapes is how many scrapes the engine puts into one point of an error
// ratio; so long a tail has every outage in the chart.
const chartScrapes = 4

func sliFigure(id string, sli result.SLI, run result.Run, s span, step time.Duration) figure {
	unit := func(v float64) string { return significant(v, 3) }
	title, caption := sli.Name, sli.Unit
	if isRatio(sli) {
		unit, caption = percent, "share of bad requests, each point over the last "+seconds(chartScrapes*step.Seconds())
	}
	p := plot{
		id: id, title: title, unit: unit, points: sli.Points, caption: caption,
		step: stepOf(sli.Points, step), height: 250,
	}
	switch {
	case sli.Objective != nil:
		p.bounds = []bound{{value: 1 - *sli.Objective, label: fmt.Sprintf("objective %s: at most %s bad", exactPercent(*sli.Objective), exactPercent(1-*sli.Objective))}}
	default:
		if sli.Max != nil {
			p.bounds = append(p.bounds, bound{value: *sli.Max, label: "at most " + significant(*sli.Max, 6)})
		}
		if sli.Min != nil {
			p.bounds = append(p.bounds, bound{value: *sli.Min, label: "at least " + significant(*sli.Min, 6), lower: true})
		}
	}
	return newFigure(sli, p, run, s)
}

func burnFigure(id string, sli result.SLI, run result.Run, s span, step time.Duration) figure {
	return newFigure(sli, plot{
		id: id, title: "Burn rate of " + sli.Name, points: sli.BurnRate,
		caption: "how many times faster than sustainable the error budget was spent",
		unit:    func(v float64) string { return significant(v, 3) + "×" },
		bounds:  []bound{{value: 1, label: "1×: the budget lasts exactly its window"}},
		step:    stepOf(sli.BurnRate, step), height: 190,
	}, run, s)
}

func newFigure(sli result.SLI, p plot, run result.Run, s span) figure {
	f := figure{Name: p.title, Query: sli.Query, Charts: draw(p, run, s), Bounds: len(p.bounds) > 0}
	f.Gaps = len(f.Charts[0].Gaps) > 0
	return f
}

// clocks are the instants of a run on the reader's clock and on the charts' axis.
func clocks(run result.Run) []fact {
	if run.T0 == nil || run.Control {
		return nil // without a fault, nothing began or ended
	}
	at := func(name string, t *time.Time) fact {
		f := fact{Name: name, Value: none}
		if t != nil {
			f.Value = t.UTC().Format("15:04:05.0") + " UTC"
			f.More = offset(t.Sub(*run.T0).Round(100 * time.Millisecond))
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
	b := budget{Name: s.Name, Spent: percent(*s.BudgetSpent), Bar: 100}
	top := *s.BudgetSpent
	if s.BudgetLimit != nil {
		b.HasLimit, b.Allowed = true, exactPercent(*s.BudgetLimit)
		b.Over = *s.BudgetSpent > *s.BudgetLimit
		top = max(top, *s.BudgetLimit*1.25)
		if top > 0 {
			b.Limit = 100 * *s.BudgetLimit / top
		}
	}
	if top > 0 {
		b.Bar = 100 * max(0, *s.BudgetSpent) / top
	} else {
		b.Bar = 0
	}
	if s.BadEvents != nil && s.TotalEvents != nil {
		b.Events = fmt.Sprintf("%s of %s requests were bad", count(*s.BadEvents), count(*s.TotalEvents))
	}
	if s.BudgetEvents != nil && s.WindowDays != nil {
		b.WholeWindowDays = fmt.Sprintf("the whole budget is %s bad requests in %s days", count(*s.BudgetEvents), significant(*s.WindowDays, 3))
		if s.BaselineRate != nil {
			b.WholeWindowDays += fmt.Sprintf(" at %s requests/s", significant(*s.BaselineRate, 3))
		}
	}
	return b
}

func keyFigures(run result.Run) []fact {
	var out []fact
	if s, ok := worstBudget(run); ok {
		f := fact{Name: "Error budget spent", Value: percent(*s.BudgetSpent), More: s.Name}
		if s.BudgetLimit != nil {
			f.More = "of " + exactPercent(*s.BudgetLimit) + " allowed, " + s.Name
		}
		out = append(out, f)
	}
	detect := fact{Name: "Time to detect", Value: secondsOf(run.TimeToDetect), More: "no alert fired"}
	if run.TimeToDetect != nil {
		detect.More = "from the fault to an alert"
		for _, a := range run.Alerts {
			if a.PredictedMin != nil && a.PredictedMax != nil && a.Measured != nil && *a.Measured == *run.TimeToDetect {
				detect.More = fmt.Sprintf("predicted %s to %s", seconds(float64(*a.PredictedMin)), seconds(float64(*a.PredictedMax)))
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
	radius := fact{Name: "Blast radius", Value: plural(run.Radius.Targets, "target")}
	if run.Radius.Targets > 0 {
		radius.More = percentTo(run.Radius.Percent/100, 3) + " of the workload's ready pods"
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
		s += plural(len(left), "thing") + " of a fault must be removed by hand or with ballast sweep."
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
	return ", alert windows divided by " + significant(scale, 6)
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
