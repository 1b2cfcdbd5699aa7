package report

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// maxBlock bounds the block, so that it never outgrows a small terminal, whose
// cursor could not go back to its start.
const maxBlock = 8

// running is what the block knows of one run.
type running struct {
	name    string
	phase   result.Phase
	until   *time.Time
	samples []result.Now
}

// blockView keeps a line for each run under way and lets verdicts, findings and
// alerts scroll away above them.
type blockView struct {
	paint palette
	now   func() time.Time
	order []string // run IDs as they began
	runs  map[string]*running
}

func newBlockView(paint palette, now func() time.Time) *blockView {
	return &blockView{paint: paint, now: now, runs: map[string]*running{}}
}

func (v *blockView) event(e result.Event) string {
	if e.Type == result.EventVerdict {
		delete(v.runs, e.Run)
		line := fmt.Sprintf("%s  %s", v.paint.verdict(e.Verdict)+strings.Repeat(" ", max(0, 12-len(e.Verdict))), v.paint.bold(eventName(e)))
		if e.Reason != "" {
			line += "  " + string(e.Reason)
		}
		if e.Summary != "" {
			line += "  " + v.paint.dim(oneLine(e.Summary))
		}
		return line + "\n"
	}
	r := v.run(e)
	switch e.Type {
	case result.EventPhase:
		r.phase, r.until = e.Phase, e.Until
	case result.EventSample:
		r.samples = e.Samples
	case result.EventAlert, result.EventFinding:
		return v.note(e)
	case result.EventEffect:
		if e.Effect != nil && !e.Effect.Shown {
			return v.note(e)
		}
	default: // the plan stands in the report
	}
	return ""
}

// note is a line that scrolls away above the block.
func (v *blockView) note(e result.Event) string {
	return fmt.Sprintf("%s  %s  %s\n", v.paint.dim(e.Time.Local().Format(time.TimeOnly)), eventName(e), oneLine(describe(e)))
}

func (v *blockView) run(e result.Event) *running {
	r, ok := v.runs[e.Run]
	if !ok {
		r = &running{name: eventName(e)}
		// Runs that are judged are taken out of the order here, once for all.
		alive := v.order[:0]
		for _, id := range v.order {
			if _, ok := v.runs[id]; ok {
				alive = append(alive, id)
			}
		}
		v.order = append(alive, e.Run)
		v.runs[e.Run] = r
	}
	return r
}

func (v *blockView) block(width int) []string {
	names := 0
	var alive []*running
	for _, id := range v.order {
		if r, ok := v.runs[id]; ok {
			alive = append(alive, r)
			names = max(names, utf8.RuneCountInString(r.name))
		}
	}
	more := 0
	if len(alive) > maxBlock {
		more = len(alive) - (maxBlock - 1)
		alive = alive[:maxBlock-1]
	}
	names = min(names, max(8, width/3))
	var out []string
	for _, r := range alive {
		out = append(out, v.line(r, names, width))
	}
	if more > 0 {
		out = append(out, cut(fmt.Sprintf("… and %d more", more), width-1))
	}
	return out
}

// line is one run's state, at most width-1 columns: some terminals wrap a line
// that fills the last one.
func (v *blockView) line(r *running, names, width int) string {
	left := ""
	if r.until != nil {
		if d := r.until.Sub(v.now()).Seconds(); d > 0 {
			left = seconds(math.Ceil(d)) + " left"
		} else {
			left = "now"
		}
	}
	name := cut(r.name, names)
	name += strings.Repeat(" ", names-utf8.RuneCountInString(name))
	rest := fmt.Sprintf("  %-9s %10s", r.phase, left)
	for _, s := range r.samples {
		rest += "   " + sampleText(s)
	}
	rest = strings.TrimRight(cut(rest, max(0, width-1-names)), " ")
	return v.paint.bold(name) + rest
}

func sampleText(s result.Now) string {
	value := "no data"
	switch {
	case s.Value == nil:
	case s.BurnRate != nil:
		value = percent(*s.Value) + " errors, burning " + significant(*s.BurnRate, 2) + "×"
	default:
		value = significant(*s.Value, 3)
	}
	return printable(s.Name) + " " + value
}

func cursorUp(lines int) string { return fmt.Sprintf("\x1b[%dA\r", lines) }
