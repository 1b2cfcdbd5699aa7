package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
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
	paint  palette
	now    func() time.Time
	width  func() int
	order  []string // run IDs as they began
	runs   map[string]*running
	alerts alertMemory
	judged map[result.Verdict]int
}

func newBlockView(paint palette, now func() time.Time, width func() int) *blockView {
	return &blockView{
		paint: paint, now: now, width: width,
		runs: map[string]*running{}, alerts: alertMemory{}, judged: map[result.Verdict]int{},
	}
}

// verdictColumn is as wide as the longest verdict and a gap.
const verdictColumn = 14

func (v *blockView) event(e result.Event) string {
	if e.Type == result.EventVerdict {
		delete(v.runs, e.Run)
		v.judged[e.Verdict]++
		line := v.paint.verdict(e.Verdict) + strings.Repeat(" ", max(2, verdictColumn-len(e.Verdict))) + v.paint.bold(eventName(e))
		if e.Verdict == result.Pass || e.Summary == "" {
			return line + "\n"
		}
		if e.Reason != "" {
			line += "  " + string(e.Reason)
		}
		return line + "\n" + wrapped(strings.Repeat(" ", verdictColumn), e.Summary, v.width())
	}
	r := v.run(e)
	switch e.Type {
	case result.EventPhase:
		r.phase, r.until = e.Phase, e.Until
	case result.EventSample:
		r.samples = e.Samples
	case result.EventAlert:
		if v.alerts.worth(e) {
			return v.note(e)
		}
	case result.EventFinding:
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
	const clock = "15:04:05  "
	text := wrapped(e.Time.Local().Format(clock), eventName(e)+": "+oneLine(describe(e)), v.width())
	return v.paint.dim(text[:len(clock)]) + text[len(clock):]
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
	const lines = maxBlock - 1 // the last one is for what has been judged
	if len(alive) > lines {
		more = len(alive) - (lines - 1)
		alive = alive[:lines-1]
	}
	names = min(names, max(8, width/3))
	var out []string
	for _, r := range alive {
		out = append(out, v.line(r, names, width))
	}
	if more > 0 {
		out = append(out, cut(fmt.Sprintf("… and %d more", more), width-1))
	}
	if so := v.tallied(width); so != "" && len(out) > 0 {
		out = append(out, so)
	}
	return out
}

// tallied says how many runs have been judged, and how. The verdicts themselves
// may have scrolled away.
func (v *blockView) tallied(width int) string {
	var plain, painted []string
	for _, verdict := range slices.Backward(result.Verdicts()) {
		if n := v.judged[verdict]; n > 0 {
			text := fmt.Sprintf("%d %s", n, verdict)
			plain, painted = append(plain, text), append(painted, v.paint.colour(verdict, text))
		}
	}
	const prefix = "so far: "
	if len(plain) == 0 || utf8.RuneCountInString(prefix+strings.Join(plain, ", ")) >= width {
		return ""
	}
	return v.paint.dim(prefix) + strings.Join(painted, ", ")
}

// line is one run's state, at most width-1 columns: some terminals wrap a line
// that fills the last one.
func (v *blockView) line(r *running, names, width int) string {
	left := ""
	if r.until != nil {
		if d := r.until.Sub(v.now()).Seconds(); d > 0 {
			left = chart.Seconds(math.Ceil(d)) + " left"
		} else {
			left = "now"
		}
	}
	name := cut(r.name, names)
	name += strings.Repeat(" ", names-utf8.RuneCountInString(name))
	rest := fmt.Sprintf("  %-9s %10s", r.phase, left)
	room := max(0, width-1-names)
	rest += samplesText(r, room-utf8.RuneCountInString(rest))
	rest = strings.TrimRight(cut(rest, room), " ")
	return v.paint.bold(name) + rest
}

// samplesText shows what is measured now within room columns, the worst first:
// in full, else short, else as many as fit and how many more there are.
func samplesText(r *running, room int) string {
	samples := slices.Clone(r.samples)
	slices.SortStableFunc(samples, func(a, b result.Now) int { return cmp.Compare(urgency(b), urgency(a)) })
	full, app := "", commonApp(samples)
	for _, s := range samples {
		full += "   " + sampleText(s, "", false)
	}
	if utf8.RuneCountInString(full) <= room {
		return full
	}
	short, shown := "", 0
	for _, s := range samples {
		next := short + "  " + sampleText(s, app, true)
		if shown > 0 && utf8.RuneCountInString(next) > room {
			break
		}
		short = next
		shown++
	}
	if rest := fmt.Sprintf("  +%d", len(samples)-shown); shown < len(samples) && utf8.RuneCountInString(short+rest) <= room {
		short += rest
	}
	return short
}

// commonApp is what the names of all SLOs start with, up to their first dash.
func commonApp(samples []result.Now) string {
	common := ""
	for _, s := range samples {
		if s.BurnRate == nil && s.Value != nil {
			continue // a PromQL value, which has a name of its own
		}
		app, _, ok := strings.Cut(s.Name, "-")
		if !ok || common != "" && common != app+"-" {
			return ""
		}
		common = app + "-"
	}
	return common
}

// urgency orders what is measured: no data first, then by burn rate, and values
// of which only the experiment knows what they mean last.
func urgency(s result.Now) float64 {
	switch {
	case s.Value == nil:
		return math.Inf(1)
	case s.BurnRate != nil:
		return *s.BurnRate
	}
	return -1
}

// sampleText shows one indicator; without app, which is the start of every name.
func sampleText(s result.Now, app string, short bool) string {
	value := "no data"
	switch {
	case s.Value == nil:
	case s.BurnRate != nil && short:
		value = chart.Percent(*s.Value) + " bad, " + chart.Significant(*s.BurnRate, 2) + "×"
	case s.BurnRate != nil:
		value = chart.Percent(*s.Value) + " bad, burning " + chart.Significant(*s.BurnRate, 2) + "×"
	default:
		value = chart.Significant(*s.Value, 3)
	}
	return strings.TrimPrefix(printable(s.Name), app) + " " + value
}

func cursorUp(lines int) string { return fmt.Sprintf("\x1b[%dA\r", lines) }
