package report

import (
	"fmt"
	"io"
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
	return WriteFile(dir, TrendsFile, func(w io.Writer) error { return Trends(w, t) })
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
