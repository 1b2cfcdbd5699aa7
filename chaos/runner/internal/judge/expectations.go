package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func expectedAssertion(x *result.Spec, e result.ExpectedAlert) result.Assertion {
	a := result.Assertion{Name: e.Name, Kind: result.AssertExpect, Expected: fmt.Sprintf("fires within %s", e.Within.Duration())}
	switch {
	case e.Within == 0:
		a.Expected = "fires"
	case e.WithinPredicted && slices.ContainsFunc(e.Rules, predictable):
		a.Expected = "fires when what is measured predicts it"
	case e.WithinPredicted:
		a.Expected += " as predicted"
	}
	if e.ResolvesWithin > 0 {
		a.Expected += fmt.Sprintf(" and resolves within %s of the removal", e.ResolvesWithin.Duration())
	}
	if x.Control {
		a.Expected = "does not fire without the fault"
	}
	return a
}

func (as *assertions) expected(e result.ExpectedAlert) result.Assertion {
	a := expectedAssertion(as.x, e)
	a.Outcome = result.Unknown
	if t := as.ev.Series.AlertsTrouble; t != nil {
		a.Observed = t.Detail
		as.missing(e.Name, t, "alerts could not be read")
		return a
	}
	m := as.ev.Moments
	f := fateOf(as.ev, e.Match)
	p := punctualityOf(as.x, as.ev, e)
	took := f.fired.Sub(*m.T0)
	late := p.late(e, f.fired, took)
	var after time.Duration
	if m.Removed != nil {
		after = f.resolved.Sub(*m.Removed)
	}
	switch {
	case as.x.Control && !f.fired.IsZero():
		a.Outcome, a.Observed = result.Broken, "it fired"
		as.fail(result.AlertForbidden, "expected alert %s fired without a fault", e.Name)
	case as.x.Control:
		a.Observed = "it did not fire"
		a.Outcome = as.heldOrUnknown()
	case f.fired.IsZero() && !as.watched:
		a.Observed = "not judged"
	case f.fired.IsZero() && youngFor(as.ev, e) != "":
		a.Observed = "never fired; " + youngFor(as.ev, e)
		as.young("expected alert %s never fired, and %s", e.Name, youngFor(as.ev, e))
	case f.fired.IsZero():
		why := unfired(as.x, as.ev, e)
		a.Outcome, a.Observed = result.Broken, "never fired"+why
		as.fail(result.AlertMissing, "expected alert %s never fired%s", e.Name, why)
	case p.early != "":
		a.Outcome, a.Observed = result.Broken, "fired "+p.early
		as.fail(result.FiredEarly, "expected alert %s fired %s", e.Name, p.early)
	case late != "":
		a.Outcome, a.Observed = result.Broken, fmt.Sprintf("fired after %s", tenths(took))
		as.fail(result.AlertLate, "expected alert %s fired after %s, %s", e.Name, tenths(took), late)
	case p.unread != nil:
		a.Observed = fmt.Sprintf("fired after %s; what predicts it could not be read", tenths(took))
		as.missing(e.Name, p.unread, "what predicts it could not be read")
	case !as.watched:
		a.Observed = fmt.Sprintf("fired after %s; its end was not judged", tenths(took))
	case e.ResolvesWithin > 0 && f.open:
		a.Outcome, a.Observed = result.Broken, "still firing at the end"
		as.fail(result.AlertNotResolved, "expected alert %s was still firing %s after the removal", e.Name, tenths(m.End.Sub(*m.Removed)))
	case e.ResolvesWithin > 0 && after > e.ResolvesWithin.Duration():
		a.Outcome, a.Observed = result.Broken, fmt.Sprintf("resolved after %s", tenths(after))
		as.fail(result.AlertNotResolved, "expected alert %s resolved %s after the removal, at most %s allowed", e.Name, tenths(after), e.ResolvesWithin.Duration())
	default:
		a.Outcome = result.Held
		a.Observed = fmt.Sprintf("fired after %s", tenths(took))
		if !f.open {
			a.Observed += fmt.Sprintf(", resolved %s after the removal", tenths(max(0, after)))
		}
		if p.text != "" {
			a.Observed += "; " + p.text
		}
		as.delivered(e, &a)
	}
	a.Observed += unseenErrors(as.ev)
	return a
}

func forbiddenAssertion(f result.AlertMatch) result.Assertion {
	return result.Assertion{Name: "no alert with " + labelText(f), Kind: result.AssertForbid, Expected: "does not fire"}
}

func (as *assertions) forbidden(f result.AlertMatch) result.Assertion {
	a := forbiddenAssertion(f)
	a.Outcome = result.Unknown
	if t := as.ev.Series.AlertsTrouble; t != nil {
		a.Observed = t.Detail
		as.missing(a.Name, t, "alerts could not be read")
		return a
	}
	m := as.ev.Moments
	immature := ""
	for _, s := range as.ev.Series.Alerts {
		at, fired := firedBetween(s, *m.T0, *m.End)
		if !fired || !matches(f, s.Name, s.Labels) {
			continue
		}
		if why := onlyYoung(as.ev, s); why != "" {
			immature = fmt.Sprintf("%s fired after %s, and %s", s.Name, at.Sub(*m.T0).Round(100*time.Millisecond), why)
			continue
		}
		a.Outcome = result.Broken
		a.Observed = fmt.Sprintf("%s fired after %s", s.Name, at.Sub(*m.T0).Round(100*time.Millisecond))
		as.fail(result.AlertForbidden, "forbidden alert %s", a.Observed)
		return a
	}
	if immature != "" {
		a.Observed = immature
		as.young("forbidden alert %s", immature)
		return a
	}
	a.Observed = "none fired" + unseenErrors(as.ev)
	a.Outcome = as.heldOrUnknown()
	return a
}

// young records that an alert cannot be judged because of what came before the
// samples of Prometheus.
func (as *assertions) young(format string, args ...any) {
	as.findings = append(as.findings, finding(rankMissing, result.YoungHistory, fmt.Sprintf(format, args...)))
}

func labelText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ", ")
}
