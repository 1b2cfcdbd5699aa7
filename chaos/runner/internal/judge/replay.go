package judge

import (
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// answer is what one rule of an expected alert was asked for by what was measured.
type answer struct {
	rule result.AlertRule
	// labels are those of the series that met a condition; nil where there is one answer
	// for all series of the rule.
	labels map[string]string
	band   slo.Band
	// never is true where the condition was not met for as long as the rule waits.
	never bool
	// unread is why what was measured is not there.
	unread *result.Trouble
}

// answers predicts every rule of an expectation from the evidence. Rules that are not
// predicted have none.
func answers(x *result.Spec, ev *result.Evidence, e result.ExpectedAlert) []answer {
	if x.Control || ev.Moments.T0 == nil || ev.Moments.End == nil {
		return nil
	}
	var out []answer
	for _, r := range e.Rules {
		switch {
		case r.Burn != nil:
			out = append(out, burnAnswer(x, ev, r))
		case r.Condition != "":
			out = append(out, conditionAnswers(x, ev, r)...)
		}
	}
	return out
}

func reaction(x *result.Spec, r result.AlertRule) slo.Reaction {
	return slo.Reaction{Scrape: x.Timing.Scrape.Duration(), Every: r.Evaluation.Duration(), Hop: r.Hop.Duration(), For: r.For.Duration()}
}

func burnAnswer(x *result.Spec, ev *result.Evidence, r result.AlertRule) answer {
	a := answer{rule: r}
	series, ok := errorsOf(ev, r.Burn.SLO)
	if !ok || series.Unread != nil {
		a.unread = orUnread(series.Unread)
		return a
	}
	tallies := make([]slo.Tally, len(series.Steps))
	for i, c := range series.Steps {
		tallies[i] = slo.Tally{T: c.T, Bad: c.Total - c.Good, Total: c.Total}
	}
	burning := slo.Burning{Long: r.Burn.Long.Duration(), Short: r.Burn.Short.Duration(), Threshold: r.Burn.Threshold}
	if r.Burn.LeastBad > 0 {
		// The rule compares with half an event less.
		burning.Least = float64(r.Burn.LeastBad) - 0.5
	}
	scrape, t0, end, began := x.Timing.Scrape.Duration(), *ev.Moments.T0, *ev.Moments.End, *ev.Moments.T0
	if ev.Moments.Began != nil {
		began = *ev.Moments.Began
	}
	met := current(burning.Met(tallies, scrape, began, end), t0)
	nearly := current(burning.Nearly().Met(tallies, scrape, began, end), t0)
	a.band, ok = reaction(x, r).Band(t0, met, nearly)
	a.never = !ok
	return a
}

// conditionAnswers has an answer for each series that met the condition, and one without
// labels that never did, for all others.
func conditionAnswers(x *result.Spec, ev *result.Evidence, r result.AlertRule) []answer {
	var out []answer
	for _, c := range ev.Series.Conditions {
		if !reflect.DeepEqual(c.Rule, r.Rule) {
			continue
		}
		if c.Unread != nil {
			return []answer{{rule: r, unread: c.Unread}}
		}
		for _, m := range c.Met {
			a := answer{rule: r, labels: m.Labels}
			t0 := *ev.Moments.T0
			met, nearly := stretches(m.Spans, c.Step.Duration())
			var ok bool
			a.band, ok = reaction(x, r).Band(t0, current(met, t0), current(nearly, t0))
			a.never = !ok
			out = append(out, a)
		}
		return append(out, answer{rule: r, never: true})
	}
	return []answer{{rule: r, unread: orUnread(nil)}}
}

// stretches are the spans, as they were read and as early as they may have begun.
func stretches(spans []result.Span, step time.Duration) (read, early []slo.Stretch) {
	for _, s := range spans {
		read = append(read, slo.Stretch{Start: s.Start, End: s.End})
		early = append(early, slo.Stretch{Start: s.Start.Add(-step), End: s.End})
	}
	return read, early
}

// current are the stretches that were not over at t0. One that began before it fires its
// alert that much sooner: the other rules say whether that is the fault's doing.
func current(list []slo.Stretch, t0 time.Time) []slo.Stretch {
	var out []slo.Stretch
	for _, s := range list {
		if s.End.Before(t0) {
			continue
		}
		out = append(out, s)
	}
	return out
}

func errorsOf(ev *result.Evidence, name string) (result.Errors, bool) {
	for _, s := range ev.Series.Errors {
		if s.SLO == name {
			return s, true
		}
	}
	return result.Errors{}, false
}

// about says whether the answer is about an alert series: it has the labels of the rule,
// and those of the series that met the condition, unless the rule gives its own.
func (a answer) about(name string, labels map[string]string) bool {
	if a.rule.Rule.Alert != name || !matches(a.rule.Rule.Labels, name, labels) {
		return false
	}
	own := maps.Clone(a.labels)
	maps.DeleteFunc(own, func(k, _ string) bool { _, given := a.rule.Rule.Labels[k]; return given })
	return matches(own, name, labels)
}

// answerOf returns what was asked of an alert series; nil where nothing predicts it: no
// rule, or more than one that could have raised it.
func answerOf(list []answer, name string, labels map[string]string) *answer {
	var found *answer
	for i, a := range list {
		switch {
		case !a.about(name, labels):
		case found == nil:
			found = &list[i]
		case !reflect.DeepEqual(found.rule.Rule, a.rule.Rule):
			return nil
		case found.labels == nil && a.labels != nil:
			found = &list[i]
		}
	}
	return found
}

// Predicts says whether the judge predicts an alert of the record from what was measured.
func Predicts(x *result.Spec, a result.Alert) bool {
	for _, e := range x.Expect {
		if !matches(e.Match, a.Name, a.Labels) && a.Name != e.Name {
			continue
		}
		for _, r := range e.Rules {
			if r.Rule.Alert == a.Name && predictable(r) {
				return true
			}
		}
	}
	return false
}

// punctuality is how the firing of an expected alert lies to what predicts it.
type punctuality struct {
	// early says of a series that it fired before its errors account for it; empty: none did.
	early string
	// by is until when the first to fire was due; zero where nothing predicts it.
	by time.Time
	// text says when it was due, empty where nothing predicts it.
	text   string
	unread *result.Trouble
}

func punctualityOf(x *result.Spec, ev *result.Evidence, e result.ExpectedAlert) punctuality {
	var p punctuality
	list := answers(x, ev, e)
	t0 := *ev.Moments.T0
	var first time.Time
	for _, s := range ev.Series.Alerts {
		at, fired := firedBetween(s, t0, *ev.Moments.End)
		if !fired || !matches(e.Match, s.Name, s.Labels) {
			continue
		}
		a := answerOf(list, s.Name, s.Labels)
		leads := first.IsZero() || at.Before(first)
		if leads {
			first, p.by, p.text = at, time.Time{}, ""
		}
		switch {
		case a == nil:
		case a.unread != nil:
			p.unread = a.unread
		case a.never:
			p.early = fmt.Sprintf("after %s, and what was measured never met its condition", tenths(at.Sub(t0)))
		default:
			if leads {
				p.by, p.text = a.band.End, dueText(t0, a.band)
			}
			if at.Before(a.band.Start) {
				p.early = fmt.Sprintf("after %s; %s", tenths(at.Sub(t0)), dueText(t0, a.band))
			}
		}
	}
	return p
}

// late says why a firing is late, after a time since the fault; empty: it is not. A bound of
// the author's holds alone.
func (p punctuality) late(e result.ExpectedAlert, fired time.Time, took time.Duration) string {
	switch {
	case e.WithinPredicted && !p.by.IsZero():
		if fired.After(p.by) {
			return p.text
		}
	case took > e.Within.Duration():
		return fmt.Sprintf("at most %s allowed", e.Within.Duration())
	}
	return ""
}

// predictable says whether the judge predicts the alerts of a rule.
func predictable(r result.AlertRule) bool { return r.Burn != nil || r.Condition != "" }

// dueText says when an alert was due.
func dueText(t0 time.Time, b slo.Band) string {
	if b.End.IsZero() {
		return fmt.Sprintf("what was measured can fire it from %s on", tenths(b.Start.Sub(t0)))
	}
	return fmt.Sprintf("what was measured fires it after %s to %s", tenths(b.Start.Sub(t0)), tenths(b.End.Sub(t0)))
}

// unfired says what the evidence predicts of an expected alert that did not fire.
func unfired(x *result.Spec, ev *result.Evidence, e result.ExpectedAlert) string {
	list := answers(x, ev, e)
	if len(list) == 0 {
		return ""
	}
	met := false
	for _, a := range list {
		switch {
		case a.unread != nil:
			return ""
		case a.never:
		case a.band.Sure:
			return "; " + dueText(*ev.Moments.T0, a.band)
		default:
			met = true
		}
	}
	if met {
		return "; what was measured met its condition too briefly to be sure that it fires"
	}
	return "; what was measured never met its condition"
}

// predicted gives an alert of the record the band in which it was due.
func predicted(list []answer, t0 *time.Time, a *result.Alert) {
	found := answerOf(list, a.Name, a.Labels)
	if t0 == nil || found == nil || found.unread != nil || found.never {
		return
	}
	from := result.InSeconds(found.band.Start.Sub(*t0))
	a.PredictedMin = &from
	if !found.band.End.IsZero() {
		to := result.InSeconds(found.band.End.Sub(*t0))
		a.PredictedMax = &to
	}
}
