package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	"github.com/ballast-sre/ballast/internal/chart"
)

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
	if c.Experiments == 0 { // only experiments that ran in both months count
		passes = "No experiment ran in both months."
	}
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
		{Name: "Versions", Value: versionsText(c)},
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

// versionsText says what else differs between the months, which may be why.
func versionsText(c trend.Comparison) string {
	switch {
	case c.Experiments == 0:
		return "No experiment ran in both months."
	case len(c.Versions) == 0:
		return "The same as at the end of the month before."
	}
	var changed []string
	for _, v := range c.Versions {
		changed = append(changed, changeText(v))
	}
	return sentence(some(changed, 4))
}

func changeText(c trend.Change) string {
	return fmt.Sprintf("%s %s instead of %s", c.What, known(c.To), known(c.From))
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
			changed = append(changed, changeText(c))
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
