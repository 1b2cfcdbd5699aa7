package report

import (
	"fmt"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// logsPage are the logs and events of a run's window, below its chain.
type logsPage struct {
	Summary string
	Lines   []logPage
	Missing []string
}

type logPage struct{ When, Source, Text string }

// newLogs is nil for a run without a chain. Where the evidence has no logs, the page says
// so.
func newLogs(run result.Run, w chart.Window) *logsPage {
	if chain(run) == nil {
		return nil
	}
	l := run.Evidence.Logs
	if l == nil {
		return &logsPage{Summary: "No logs or events of this window are in the evidence."}
	}
	p := &logsPage{Missing: l.Missing}
	w.Zero = *run.T0
	for _, line := range l.Lines {
		p.Lines = append(p.Lines, logPage{w.When(line.At), line.Source, line.Text})
	}
	p.Summary = fmt.Sprintf("Logs and events from %s to %s: %s", w.When(l.From), w.When(l.To), chart.Plural(len(l.Lines), "line"))
	if l.Dropped > 0 {
		p.Summary += ", and " + chart.Count(float64(l.Dropped)) + " that there was no room for"
	}
	return p
}
