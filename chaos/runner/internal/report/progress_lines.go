package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// streamView writes each event as a line of JSON.
type streamView struct{}

func (streamView) block(int) []string { return nil }

func (streamView) event(e result.Event) string {
	for i, s := range e.Samples { // JSON has no NaN: it is not data
		for _, v := range []**float64{&s.Value, &s.BurnRate, &s.Spent} {
			if *v != nil && (math.IsNaN(**v) || math.IsInf(**v, 0)) {
				*v = nil
			}
		}
		if s != e.Samples[i] {
			e.Samples = append([]result.Now(nil), e.Samples...)
			e.Samples[i] = s
		}
	}
	line, err := json.Marshal(e)
	if err != nil {
		// Only a time out of range is left; the reader still learns that something came.
		return fmt.Sprintf("{\"type\":%q,\"experiment\":%q}\n", e.Type, e.Experiment)
	}
	return string(line) + "\n"
}

// lineView writes a line for everything but samples.
type lineView struct{ alerts alertMemory }

func (lineView) block(int) []string { return nil }

func (v lineView) event(e result.Event) string {
	if e.Type == result.EventAlert && !v.alerts.worth(e) {
		return ""
	}
	what := describe(e)
	if what == "" {
		return ""
	}
	return fmt.Sprintf("%s  %s  %s\n", e.Time.UTC().Format(time.RFC3339), eventName(e), oneLine(what))
}

// alertMemory is the last state of each run's alerts that was printed. Replicas and
// tiers share an alert's name, and pending is not yet news: told one by one they
// would bury what matters. The stream of events and the report have them all.
type alertMemory map[[2]string]string

// worth says whether an alert's event is news: it fires, or no longer does.
func (m alertMemory) worth(e result.Event) bool {
	key := [2]string{e.Run, e.Alert}
	before := m[key]
	if e.State == before || e.State == "pending" || before == "" && e.State != "firing" {
		return false
	}
	m[key] = e.State
	return true
}

// describe says what happened, without who and when; empty for what is not worth
// a line.
func describe(e result.Event) string {
	switch e.Type {
	case result.EventPhase:
		if e.Phase == result.Judge {
			return "" // the verdict itself follows at once
		}
		if e.Until != nil {
			return fmt.Sprintf("%s (at most %s)", e.Phase, chart.Seconds(e.Until.Sub(e.Time).Seconds()))
		}
		return string(e.Phase)
	case result.EventPlan:
		if e.Fault == nil {
			return ""
		}
		s := fmt.Sprintf("%s/%s will hit %s", e.Fault.Kind, e.Fault.Name, strings.Join(e.Fault.Targets, ", "))
		if e.Fault.Emulated != "" {
			s += " (emulated: " + e.Fault.Emulated + ")"
		}
		return s
	case result.EventEffect:
		if e.Effect == nil {
			return ""
		}
		shown := "shows"
		if !e.Effect.Shown {
			shown = "does not show"
		}
		return fmt.Sprintf("%s %s %s: %s", e.Effect.Target, shown, e.Effect.Fault, e.Effect.Observed)
	case result.EventAlert:
		return fmt.Sprintf("alert %s is %s", e.Alert, e.State)
	case result.EventFinding:
		if e.Finding == nil {
			return ""
		}
		return fmt.Sprintf("%s: %s", e.Finding.Reason, e.Finding.Detail)
	case result.EventVerdict:
		s := "verdict: " + string(e.Verdict)
		if e.Reason != "" && !strings.Contains(e.Summary, "("+string(e.Reason)+")") {
			s += " (" + string(e.Reason) + ")"
		}
		if e.Summary != "" {
			s += ": " + e.Summary
		}
		return s
	default:
		return ""
	}
}

func eventName(e result.Event) string {
	return oneLine(runName(result.Run{Name: e.Experiment, Attempt: e.Attempt}))
}

func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }
