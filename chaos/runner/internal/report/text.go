package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// The final table fits into tableWidth columns; what is wrapped, into a terminal
// of the usual 80.
const (
	tableWidth = 99
	textWidth  = 80
)

// Text writes the final table without colour: a line for each run, then what
// spoke against those that did not pass, then the verdict over all.
func Text(w io.Writer, r result.Report) error { return TextIn(w, r, false) }

// TextIn is [Text], in colour when the writer is a terminal that wants it.
func TextIn(w io.Writer, r result.Report, colour bool) error {
	paint := painter(colour)
	var b strings.Builder
	if len(r.Experiments) > 0 {
		writeTable(&b, r.Experiments, paint)
		writeCoverage(&b, r.Experiments)
	}
	for _, run := range r.Experiments {
		if run.Verdict == result.Pass {
			continue
		}
		fmt.Fprintf(&b, "\n%s  %s", paint.verdict(run.Verdict), paint.bold(runName(run)))
		if run.Reason != "" {
			b.WriteString("  " + string(run.Reason))
		}
		b.WriteString("\n" + wrapped("  ", run.Summary, textWidth))
		for _, f := range further(run) {
			b.WriteString(wrapped("  - ", fmt.Sprintf("%s: %s", f.Reason, f.Detail), textWidth))
		}
		for _, left := range run.Residue {
			b.WriteString(wrapped("  - ", "left behind: "+left, textWidth))
		}
		a := answer(run, r.Target)
		if run.T0 != nil {
			b.WriteString(wrapped("  how long: ", a.Lasted, textWidth))
			b.WriteString(wrapped("  cost: ", a.Cost, textWidth))
		}
		b.WriteString(wrapped("  to do: ", a.Do, textWidth))
	}
	if r.Verdict == result.Pass && len(r.Experiments) > 0 {
		b.WriteString("\n" + closeness(r))
	}
	fmt.Fprintf(&b, "\n%s  %s\n", paint.verdict(r.Verdict), headline(r))
	_, err := io.WriteString(w, b.String())
	return err
}

// closeness says of runs that all passed how close they came to failing.
func closeness(r result.Report) string {
	a := green(r.Experiments, r.Target)
	out := wrapped("", a.Broke, textWidth)
	for _, run := range r.Experiments {
		if why := toothless(run); why != "" {
			out += wrapped("- ", runName(run)+" could hardly have failed: "+why+".", textWidth)
		}
	}
	return out
}

// further are the findings that the summary does not tell already.
func further(run result.Run) []result.Finding {
	var out []result.Finding
	for _, f := range run.Findings {
		if f.Detail == "" || !strings.Contains(run.Summary, f.Detail) {
			out = append(out, f)
		}
	}
	return out
}

type cell struct {
	text  string
	right bool
	paint func(string) string
}

func writeTable(b *strings.Builder, runs []result.Run, paint palette) {
	rows := [][]cell{{
		{text: "VERDICT"},
		{text: "EXPERIMENT"},
		{text: "SPENT / ALLOWED", right: true},
		{text: "DETECTED", right: true},
		{text: "RECOVERED", right: true},
	}}
	for _, run := range runs {
		rows = append(rows, []cell{
			{text: string(run.Verdict), paint: func(s string) string { return paint.colour(run.Verdict, s) }},
			{text: runName(run)},
			{text: spentOfAllowed(run), right: true},
			{text: secondsOf(run.TimeToDetect), right: true},
			{text: secondsOf(run.TimeToRecover), right: true},
		})
	}
	writeRows(b, rows, 1)
}

// writeCoverage writes which share of each workload was under fault, where it was counted.
func writeCoverage(b *strings.Builder, runs []result.Run) {
	rows := [][]cell{{{text: "UNDER FAULT"}, {text: "WORKLOAD"}, {text: "MEAN", right: true}, {text: "LEAST", right: true}, {text: "MOST", right: true}}}
	for _, run := range runs {
		for _, c := range covered(run) {
			rows = append(rows, []cell{
				{text: runName(run)},
				{text: c.workload},
				{text: chart.Percent(c.Mean), right: true},
				{text: chart.Percent(c.Min), right: true},
				{text: chart.Percent(c.Max), right: true},
			})
		}
	}
	if len(rows) > 1 {
		b.WriteString("\n")
		writeRows(b, rows, 0)
	}
}

// writeRows aligns columns. Where they are too wide, the one at index long is cut.
func writeRows(b *strings.Builder, rows [][]cell, long int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	// A long name is the only thing that may be cut: report.json has it in full.
	if over := total - tableWidth; over > 0 {
		widths[long] = max(10, widths[long]-over)
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			text := cut(c.text, widths[i])
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if c.paint != nil {
				text = c.paint(text)
			}
			if c.right {
				line.WriteString(pad + text)
			} else {
				line.WriteString(text + pad)
			}
			line.WriteString("  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// cut shortens s to width runes.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}

// wrapped returns text behind prefix in lines of less than width columns, the
// further ones indented as far.
func wrapped(prefix, text string, width int) string {
	var b strings.Builder
	column := utf8.RuneCountInString(prefix)
	indent := strings.Repeat(" ", column)
	used := 0
	for i, word := range strings.Fields(printable(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			b.WriteString(prefix)
			used = column
		case used+1+n >= width:
			b.WriteString("\n" + indent)
			used = column
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	if used > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// worstBudget is the SLO of a run that came nearest to what it may spend, or
// went furthest beyond it.
func worstBudget(run result.Run) (worst result.SLI, found bool) {
	share := func(s result.SLI) float64 {
		if s.BudgetLimit == nil || *s.BudgetLimit == 0 {
			return *s.BudgetSpent
		}
		return *s.BudgetSpent / *s.BudgetLimit
	}
	for _, s := range run.SLIs {
		if s.BudgetSpent != nil && (!found || share(s) > share(worst)) {
			worst, found = s, true
		}
	}
	return worst, found
}

func spentOfAllowed(run result.Run) string {
	s, ok := worstBudget(run)
	switch {
	case !ok:
		return chart.None
	case s.BudgetLimit == nil:
		return chart.Percent(*s.BudgetSpent)
	default:
		return chart.Percent(*s.BudgetSpent) + " / " + chart.ExactPercent(*s.BudgetLimit)
	}
}
