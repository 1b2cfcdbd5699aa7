package engine

import (
	"context"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Narrator is a [Target] that can say what its processes logged and what its cluster
// reported. A target need not be one.
type Narrator interface {
	// Said returns lines and events from one time to another, in any order, and names what
	// it could not read with the reason. It respects ctx.
	Said(ctx context.Context, p fault.Plan, from, to time.Time) (lines []fault.Said, missing []string)
}

// Logs are evidence for people: so many lines of so many bytes, and what was said so long
// before the fault.
const (
	maxLogLines = 120
	maxLogText  = 400
	logsBefore  = 5 * time.Second
	logsTimeout = 3 * time.Second
)

// logs asks a target what was said in the window of the run. Without a fault there is
// nothing to explain.
func (r *run) logs(ctx context.Context) {
	narrator, ok := r.cfg.Target.(Narrator)
	m := r.ev.Moments
	if !ok || m.T0 == nil || m.End == nil || r.spec.Control {
		return
	}
	// The evidence is owed also after an interrupt, but not for long.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), logsTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })
	defer stop()
	out := &result.Logs{From: m.T0.Add(-logsBefore), To: *m.End}
	var lines []fault.Said
	err := contained(func() error {
		lines, out.Missing = narrator.Said(asking, r.plan, out.From, out.To)
		return nil
	})
	if err != nil {
		out.Missing = append(out.Missing, err.Error())
	}
	for i, m := range out.Missing {
		out.Missing[i] = shortened(redacted(m))
	}
	out.Lines, out.Dropped = picked(lines, out.From, out.To)
	r.ev.Logs = out
}

// severe is what a line says that is about trouble.
var severe = regexp.MustCompile(`(?i)\b(warn|warning|error|fatal|panic|killed|oom|unhealthy|back-?off|evict\w*)\b`)

// picked keeps the lines of a window that fit, in order: those about trouble first, and of
// either sort the earliest, which stand next to the cause.
func picked(lines []fault.Said, from, to time.Time) (out []result.LogLine, dropped int) {
	lines = slices.DeleteFunc(slices.Clone(lines), func(s fault.Said) bool { return s.At.Before(from) || s.At.After(to) || s.Text == "" })
	slices.SortStableFunc(lines, func(a, b fault.Said) int { return a.At.Compare(b.At) })
	room := maxLogLines
	keep := make([]bool, len(lines))
	for _, trouble := range []bool{true, false} {
		for i, l := range lines {
			if room > 0 && severe.MatchString(l.Text) == trouble {
				keep[i] = true
				room--
			}
		}
	}
	for i, l := range lines {
		if !keep[i] {
			dropped++
			continue
		}
		out = append(out, result.LogLine{At: l.At, Source: l.Source, Text: shortened(redacted(l.Text))})
	}
	return out, dropped
}

// credential is a token or password beside its name, as logs and JSON have it, and what
// follows an authentication scheme.
var credential = regexp.MustCompile(`(?i)("?[\w-]*(?:token|passw(?:or)?d|secret|api[_-]?key|credential)[\w-]*"?\s*[:=]\s*|\b(?:bearer|basic)\s+)("(?:[^"\\]|\\.)*"|[^\s,;"}]+)`)

// redacted takes secrets out of a line that others will read.
func redacted(text string) string {
	return credential.ReplaceAllString(result.Redact(text), "${1}xxxxx")
}

// shortened cuts a text to maxLogText bytes, between two characters, and replaces invalid
// UTF-8.
func shortened(text string) string {
	if !utf8.ValidString(text) {
		text = string([]rune(text))
	}
	if len(text) <= maxLogText {
		return text
	}
	n := maxLogText
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
