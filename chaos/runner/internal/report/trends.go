package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	"github.com/ballast-sre/ballast/internal/chart"
)

// TrendsFile is what [WriteTrends] leaves in its directory.
const TrendsFile = "trends.html"

// WriteTrends stores trends.html in dir, which it makes if need be. Every error is
// [ErrNotWritable].
func WriteTrends(dir string, t trend.Trends) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	w, err := writeOut(filepath.Join(dir, TrendsFile), func(w io.Writer) error { return Trends(w, t) })
	if err != nil {
		return err
	}
	return w.replace()
}

// Trends writes trends.html: like report.html one file that needs neither network nor
// script.
func Trends(w io.Writer, t trend.Trends) error {
	page, err := pages()
	if err != nil {
		return err
	}
	if err := page.ExecuteTemplate(w, "trends.gohtml", newTrendsPage(t)); err != nil {
		return fmt.Errorf("render the trends: %w", err)
	}
	return nil
}

// trendsPage is what the template of trends writes down.
type trendsPage struct {
	Headline string
	// Mood colours the head as a verdict is coloured.
	Mood        result.Verdict
	Lede        string
	Answers     []fact
	Experiments []trendPage
	Versions    []versionPage
}

type trendPage struct {
	trend.Experiment
	Anchor string
	Share  string // passed of judged
	Shown  []trendRun
	Older  int // runs that are not shown
	Tags   []tag
	Shifts []string
	Times  []timesPage
	Charts []chart.Figure
}

// trendRun is one cell of a row of verdicts.
type trendRun struct {
	Verdict result.Verdict
	Label   string // verdict, reason and time, for the pointer and the screen reader
}

type tag struct{ Class, Label string }

// timesPage is the spread of one time of an experiment.
type timesPage struct{ Name, Median, Middle, Range, Last, N string }

type versionPage struct{ What, Version, First, Last, Runs string }

// shownRuns fit in a row of a wide screen; earlier ones are counted.
const shownRuns = 60

func newTrendsPage(t trend.Trends) trendsPage {
	p := trendsPage{Headline: compared(t.Months), Mood: mood(t.Months.Direction), Lede: extent(t), Answers: trendAnswers(t)}
	w := chart.Window{From: t.First, To: t.Last}
	if w.To.Sub(w.From) < time.Minute {
		w.To = w.From.Add(time.Minute)
	}
	for i, x := range t.Experiments {
		p.Experiments = append(p.Experiments, newTrendPage(fmt.Sprintf("x-%d", i+1), x, w))
	}
	for _, v := range t.Versions {
		p.Versions = append(p.Versions, versionPage{v.What, v.Version, day(v.First), day(v.Last), chart.Count(float64(v.Runs))})
	}
	return p
}

func newTrendPage(anchor string, x trend.Experiment, w chart.Window) trendPage {
	p := trendPage{Experiment: x, Anchor: anchor, Share: fmt.Sprintf("%d of %d", x.Passed, x.Judged), Older: max(0, len(x.Runs)-shownRuns)}
	for _, r := range x.Runs[p.Older:] {
		label := string(r.Verdict)
		if r.Reason != "" {
			label += " (" + string(r.Reason) + ")"
		}
		p.Shown = append(p.Shown, trendRun{r.Verdict, label + ", " + r.Ended.UTC().Format("2 Jan 2006 15:04") + " UTC"})
	}
	if x.Flaky != nil {
		p.Tags = append(p.Tags, tag{"weak", "flaky"})
	}
	for _, s := range x.Shifts {
		p.Shifts = append(p.Shifts, shifted(s))
		switch s.Direction {
		case trend.Worse:
			p.Tags = append(p.Tags, tag{"bad", measured(s.Measure) + " worse"})
		case trend.Better:
			p.Tags = append(p.Tags, tag{"good", measured(s.Measure) + " better"})
		default:
		}
	}
	for _, times := range []struct {
		name   string
		spread *trend.Spread
		of     func(trend.Run) *result.Seconds
	}{
		{"Detection", x.Detection, func(r trend.Run) *result.Seconds { return r.Detection }},
		{"Recovery", x.Recovery, func(r trend.Run) *result.Seconds { return r.Recovery }},
	} {
		if times.spread == nil {
			continue
		}
		p.Times = append(p.Times, spreadPage(times.name, *times.spread))
		var line []chart.Point
		for _, r := range x.Runs {
			if v := times.of(r); v != nil {
				line = append(line, chart.Point{T: r.Ended, V: float64(*v)})
			}
		}
		p.Charts = append(p.Charts, chart.Plot{
			ID: anchor + "-" + strings.ToLower(times.name), Title: times.name + " of " + x.Name, Unit: chart.Seconds,
			Series: []chart.Series{{Points: line}}, Step: w.To.Sub(w.From), Height: 170,
			Caption: "of each run that has one",
		}.Draw(w, chart.Annotations{}, chart.Sizes()...))
	}
	return p
}

func spreadPage(name string, s trend.Spread) timesPage {
	return timesPage{
		Name: name, Median: chart.Seconds(s.Median), Middle: chart.Seconds(s.Low) + " to " + chart.Seconds(s.High),
		Range: chart.Seconds(s.Least) + " to " + chart.Seconds(s.Most), Last: chart.Seconds(s.Last), N: chart.Count(float64(s.N)),
	}
}

// compared answers whether things are better than last month, in one sentence.
func compared(c trend.Comparison) string {
	switch c.Direction {
	case trend.Better:
		return "Better than last month."
	case trend.Worse:
		return "Worse than last month."
	case trend.Mixed:
		return "Better than last month in one way, worse in another."
	case trend.Steady:
		return "As good as last month."
	default:
		return "Too few runs to compare with last month."
	}
}

func mood(d trend.Direction) result.Verdict {
	switch d {
	case trend.Better, trend.Steady:
		return result.Pass
	case trend.Worse:
		return result.Fail
	default:
		return result.Inconclusive
	}
}

func extent(t trend.Trends) string {
	if t.Runs == 0 {
		return "No run with a fault is in these reports."
	}
	return fmt.Sprintf("%s of %s, from %s to %s. The 30 days up to the newest run are compared with the 30 days before, by the experiments that ran in both.",
		chart.Plural(t.Runs, "run"), chart.Plural(len(t.Experiments), "experiment"), day(t.First), day(t.Last))
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// trendAnswers are what the first screen says beside the headline.
func trendAnswers(t trend.Trends) []fact {
	c := t.Months
	passes := fmt.Sprintf("This month %s, the month before %s.", passed(c.This), passed(c.Before))
	if c.Passes.Direction == trend.TooFew {
		passes += " Each month needs five judged runs of experiments that ran in both."
	}
	var worse, better, flaky []string
	few := 0
	for _, x := range t.Experiments {
		enough := false
		for _, s := range x.Shifts {
			enough = enough || s.Direction != trend.TooFew
			text := x.Name + " (" + x.Target + "): " + shifted(s)
			switch s.Direction {
			case trend.Worse:
				worse = append(worse, text)
			case trend.Better:
				better = append(better, text)
			default:
			}
		}
		if !enough {
			few++
		}
		if x.Flaky != nil {
			flaky = append(flaky, fmt.Sprintf("%s (%s): %d of the last %d passed, with %d changes", x.Name, x.Target, x.Flaky.Passed, x.Flaky.Of, x.Flaky.Changes))
		}
	}
	got := "Nothing."
	if len(worse) > 0 {
		got = sentence(some(worse, 4))
	}
	if few > 0 {
		got += " Too few runs to say: " + chart.Plural(few, "experiment") + "."
	}
	facts := []fact{
		{Name: "Passes", Value: passes},
		{Name: "Detection", Value: movedText(c.Detection)},
		{Name: "Recovery", Value: movedText(c.Recovery)},
		{Name: "What got worse", Value: got},
	}
	if len(better) > 0 {
		facts = append(facts, fact{Name: "What got better", Value: sentence(some(better, 4))})
	}
	if len(flaky) == 0 {
		flaky = []string{"None"}
	}
	return append(facts, fact{Name: "Flaky", Value: sentence(some(flaky, 4))})
}

func passed(m trend.Month) string {
	if m.Judged == 0 {
		return "no run could be judged"
	}
	text := fmt.Sprintf("%d of %s passed (%s)", m.Passed, chart.Plural(m.Judged, "judged run"), chart.PercentTo(m.Share(), 2))
	if left := m.Runs - m.Judged; left > 0 {
		text += fmt.Sprintf(" and %d could not be judged", left)
	}
	return text
}

func movedText(m trend.Moved) string {
	if m.Of == 0 {
		return "No experiment has it in both months."
	}
	return fmt.Sprintf("Slower in %d and faster in %d of %s.", m.Slower, m.Faster, chart.Plural(m.Of, "experiment"))
}

// measured names a measure for a reader.
func measured(m trend.Measure) string {
	if m == trend.Verdicts {
		return "verdicts"
	}
	return string(m)
}

// shifted says where one measure went, and since which run.
func shifted(s trend.Shift) string {
	name := measured(s.Measure)
	show := chart.Seconds
	if s.Measure == trend.Verdicts {
		show = func(v float64) string {
			if v > 0 {
				return "not passed"
			}
			return "passed"
		}
	}
	switch s.Direction {
	case trend.Worse, trend.Better:
		text := fmt.Sprintf("%s %s since run %s", name, s.Direction, s.Since)
		if s.At != nil {
			text += " of " + day(*s.At)
		}
		text += fmt.Sprintf(" (median of the last five: %s; the ten before: ", show(s.Median))
		if s.Least == s.Most {
			text += show(s.Least) + ")"
		} else {
			text += show(s.Least) + " to " + show(s.Most) + ")"
		}
		var changed []string
		for _, c := range s.Changed {
			changed = append(changed, fmt.Sprintf("%s %s instead of %s", c.What, known(c.To), known(c.From)))
		}
		if len(changed) > 0 {
			return text + ", with " + some(changed, 4)
		}
		return text + ", with the same versions"
	case trend.TooFew:
		return fmt.Sprintf("%s: too few runs (%d of 15)", name, s.N)
	default:
		return name + ": as before"
	}
}

// known shows a version that may not be known.
func known(version string) string {
	if version == "" {
		return "(not known)"
	}
	return version
}

// TrendsText writes the trends for a terminal.
func TrendsText(w io.Writer, t trend.Trends) error {
	var b strings.Builder
	rows := [][]cell{{
		{text: "EXPERIMENT"}, {text: "TARGET"}, {text: "PASSED", right: true}, {text: "DETECTED", right: true}, {text: "RECOVERED", right: true}, {text: "LATELY"},
	}}
	for _, x := range t.Experiments {
		var lately []string
		if x.Flaky != nil {
			lately = append(lately, "flaky")
		}
		enough := false
		for _, s := range x.Shifts {
			enough = enough || s.Direction != trend.TooFew
			if s.Direction == trend.Worse || s.Direction == trend.Better {
				lately = append(lately, measured(s.Measure)+" "+string(s.Direction))
			}
		}
		if !enough {
			lately = append(lately, "too few runs")
		}
		rows = append(rows, []cell{
			{text: x.Name}, {text: x.Target}, {text: fmt.Sprintf("%d of %d", x.Passed, x.Judged), right: true},
			{text: medianText(x.Detection), right: true}, {text: medianText(x.Recovery), right: true}, {text: strings.Join(lately, ", ")},
		})
	}
	if len(t.Experiments) > 0 {
		writeRows(&b, rows, 0)
		b.WriteString("\n")
	}
	for _, f := range trendAnswers(t) {
		b.WriteString(wrapped(f.Name+": ", f.Value, textWidth))
	}
	b.WriteString("\n" + compared(t.Months) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// medianText is the median with the middle half of the values, where that is not one value.
func medianText(s *trend.Spread) string {
	if s == nil {
		return chart.None
	}
	if s.Low == s.High {
		return chart.Seconds(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", chart.Seconds(s.Median), chart.Seconds(s.Low), chart.Seconds(s.High))
}
