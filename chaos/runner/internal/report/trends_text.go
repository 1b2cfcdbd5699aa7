package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	"github.com/ballast-sre/ballast/internal/chart"
)

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
			{text: x.Name},
			{text: x.Target},
			{text: fmt.Sprintf("%d of %d", x.Passed, x.Judged), right: true},
			{text: medianText(x.Detection), right: true},
			{text: medianText(x.Recovery), right: true},
			{text: strings.Join(lately, ", ")},
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
