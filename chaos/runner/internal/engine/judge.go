package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

func isNone(err error) bool { return errors.Is(err, prom.ErrNoData) }

// judge turns what was measured since t0 into assertions and findings. What was
// seen to break is broken however the run ended; only a run that went through all
// of its phases can say that something held.
func (r *run) judge() {
	if r.t0.IsZero() {
		return
	}
	r.judgeBeginning()
	for _, w := range r.slos {
		if w.assert != nil {
			r.assert(r.judgeSLO(w))
		}
	}
	for _, w := range r.promql {
		r.assert(r.judgePromQL(w))
	}
	for _, x := range r.x.Expect {
		r.assert(r.judgeExpected(x))
	}
	for _, f := range r.x.Forbid {
		r.assert(r.judgeForbidden(f))
	}
	for i, g := range r.x.Abort {
		r.assert(r.judgeGuard(i, g))
	}
	r.assert(r.judgeRecovery())
}

// judgeBeginning finds alerts that came up between the last look of the baseline
// and the fault: what fired before it is not its doing.
func (r *run) judgeBeginning() {
	for _, tr := range r.timeline {
		if r.role(tr) != "" && tr.firingAt(r.t0) {
			r.find(rankGate, result.BaselineUnhealthy, fmt.Sprintf("%s alert %s was firing when the fault began", r.role(tr), tr.name))
		}
	}
}

func (r *run) assert(a result.Assertion) { r.res.Asserts = append(r.res.Asserts, a) }

// unjudged lists what would have been asserted, for a run that never got there.
func (r *run) unjudged() []result.Assertion {
	out := []result.Assertion{}
	add := func(a result.Assertion) {
		a.Outcome, a.Observed = result.Unknown, "not judged"
		out = append(out, a)
	}
	for _, w := range r.slos {
		if w.assert != nil {
			add(sloAssertion(w))
		}
	}
	for _, w := range r.promql {
		add(promqlAssertion(w))
	}
	for _, x := range r.x.Expect {
		add(r.expectedAssertion(x))
	}
	for _, f := range r.x.Forbid {
		add(forbiddenAssertion(f))
	}
	for _, g := range r.x.Abort {
		add(guardAssertion(g))
	}
	add(r.recoveryAssertion())
	return out
}

func sloAssertion(w *watchedSLO) result.Assertion {
	return result.Assertion{
		Name: w.slo.Name, Kind: result.AssertSLO,
		Expected: fmt.Sprintf("spends at most %.3g%% of the error budget", 100*w.assert.MaxBudgetSpend),
	}
}

// minVolume is the share of the baseline's event rate that must still be counted
// under fault. With less, the SLI has gone blind rather than quiet.
const minVolume = 0.5

func (r *run) judgeSLO(w *watchedSLO) result.Assertion {
	a := sloAssertion(w)
	a.Outcome = result.Unknown
	ev, ok := w.events().between(r.t0, r.until())
	rate, haveRate := r.baselineRate(w)
	if !ok || !haveRate {
		a.Observed = "no data"
		r.missing(w.slo.Name, w.err, "no counts since the fault")
		return a
	}
	spent := slo.Spend(ev.bad, w.slo.Objective, rate, w.slo.Window)
	a.Observed = fmt.Sprintf("spent %.3g%% (%.0f of %.0f events bad)", 100*spent, ev.bad, ev.total)
	if spent > w.assert.MaxBudgetSpend {
		a.Outcome = result.Broken
		r.find(rankFail, result.SLOBroken, fmt.Sprintf("%s spent %.3g%% of its error budget, %.3g%% allowed (%.0f of %.0f events bad)",
			w.slo.Name, 100*spent, 100*w.assert.MaxBudgetSpend, ev.bad, ev.total))
		return a
	}
	if !r.judged {
		return a
	}
	quiet, _ := w.events().slowest(r.t0, r.until(), r.window())
	switch {
	case w.final == nil:
		r.missing(w.slo.Name, w.err, "the run's samples could not be read")
	case w.final.gap(r.t0, r.until()) >= 2:
		r.missing(w.slo.Name, prom.ErrNoData, fmt.Sprintf("%d steps in a row are missing", w.final.gap(r.t0, r.until())))
	case quiet < minVolume*rate:
		r.find(rankMissing, result.LowTraffic, fmt.Sprintf("%s fell to %.4g events per second over %s, under half of the baseline's %.4g", w.slo.Name, quiet, r.window(), rate))
	default:
		a.Outcome = result.Held
	}
	return a
}

// missing records that an assertion lacks data. Without a run to judge, the gate
// that stopped it says enough.
func (r *run) missing(name string, err error, detail string) {
	if !r.judged {
		return
	}
	if err == nil {
		err = prom.ErrNoData
	}
	r.find(rankMissing, dataReason(err), fmt.Sprintf("%s: %s (%v)", name, detail, err))
}

func promqlAssertion(w *watchedPromQL) result.Assertion {
	return result.Assertion{Name: w.assert.Name, Kind: result.AssertPromQL, Expected: w.bounds().String()}
}

func (r *run) judgePromQL(w *watchedPromQL) result.Assertion {
	a := promqlAssertion(w)
	a.Outcome = result.Unknown
	// Up to the removal. What happened until then is complete a scrape and an
	// evaluation later.
	end := r.end
	if late := r.removed.Add(r.lag()); !r.removed.IsZero() && late.Before(end) {
		end = late
	}
	got := w.values().over(r.t0, end, w.bounds())
	switch {
	case got.broken != nil:
		a.Outcome = result.Broken
		a.Observed = fmt.Sprintf("%.4g, %s after the fault began", got.broken.v, got.broken.t.Sub(r.t0).Round(time.Second))
		r.find(rankFail, result.SLOBroken, fmt.Sprintf("%s was %s; it must be %s", w.assert.Name, a.Observed, w.bounds()))
	case got.blind != nil:
		a.Observed = got.blind.Error()
		r.missing(w.assert.Name, got.blind, "steps under fault have no number")
	case w.final == nil:
		a.Observed = "could not be read again"
		r.missing(w.assert.Name, w.err, "the run's samples could not be read")
	case r.judged:
		a.Outcome = result.Held
		a.Observed = fmt.Sprintf("%.4g at last", got.last.v)
	}
	return a
}

func (r *run) expectedAssertion(x experiment.ExpectedAlert) result.Assertion {
	a := result.Assertion{Name: x.Name, Kind: result.AssertExpect, Expected: fmt.Sprintf("fires within %s", x.Within)}
	if x.ResolvesWithin > 0 {
		a.Expected += fmt.Sprintf(" and resolves within %s of the removal", x.ResolvesWithin)
	}
	if r.cfg.Control {
		a.Expected = "does not fire without the fault"
	}
	return a
}

// alertFate is what all series of one alert did together.
type alertFate struct {
	fired    time.Time // zero: never
	resolved time.Time // of the last to resolve; zero: never fired
	open     bool      // still firing at the end
}

func (r *run) fate(name string) alertFate {
	var f alertFate
	for _, tr := range r.timeline {
		if tr.name != name {
			continue
		}
		at, ok := tr.firedBetween(r.t0, r.end)
		if !ok {
			continue
		}
		if f.fired.IsZero() || at.Before(f.fired) {
			f.fired = at
		}
		resolved, open := tr.resolvedAfter(r.end)
		f.open = f.open || open
		f.resolved = later(f.resolved, resolved)
	}
	return f
}

func (r *run) judgeExpected(x experiment.ExpectedAlert) result.Assertion {
	a := r.expectedAssertion(x)
	a.Outcome = result.Unknown
	if r.timelineErr != nil {
		a.Observed = r.timelineErr.Error()
		r.missing(x.Name, r.timelineErr, "alerts could not be read")
		return a
	}
	f := r.fate(x.Name)
	took := f.fired.Sub(r.t0)
	after := f.resolved.Sub(r.removed)
	switch {
	case r.cfg.Control && !f.fired.IsZero():
		a.Outcome, a.Observed = result.Broken, "it fired"
		r.find(rankFail, result.AlertForbidden, fmt.Sprintf("expected alert %s fired without a fault", x.Name))
	case r.cfg.Control:
		a.Observed = "it did not fire"
		a.Outcome = r.heldOrUnknown()
	case f.fired.IsZero() && !r.judged:
		a.Observed = "not judged"
	case f.fired.IsZero():
		a.Outcome, a.Observed = result.Broken, "never fired"
		r.find(rankFail, result.AlertMissing, fmt.Sprintf("expected alert %s never fired", x.Name))
	case took > x.Within:
		a.Outcome, a.Observed = result.Broken, fmt.Sprintf("fired after %s", took.Round(100*time.Millisecond))
		r.find(rankFail, result.AlertLate, fmt.Sprintf("expected alert %s fired after %s, at most %s allowed", x.Name, took.Round(100*time.Millisecond), x.Within))
	case !r.judged:
		a.Observed = fmt.Sprintf("fired after %s; its end was not judged", took.Round(100*time.Millisecond))
	case x.ResolvesWithin > 0 && f.open:
		a.Outcome, a.Observed = result.Broken, "still firing at the end"
		r.find(rankFail, result.AlertNotResolved, fmt.Sprintf("expected alert %s was still firing %s after the removal", x.Name, r.end.Sub(r.removed).Round(100*time.Millisecond)))
	case x.ResolvesWithin > 0 && after > x.ResolvesWithin:
		a.Outcome, a.Observed = result.Broken, fmt.Sprintf("resolved after %s", after.Round(100*time.Millisecond))
		r.find(rankFail, result.AlertNotResolved, fmt.Sprintf("expected alert %s resolved %s after the removal, at most %s allowed", x.Name, after.Round(100*time.Millisecond), x.ResolvesWithin))
	default:
		a.Outcome = result.Held
		a.Observed = fmt.Sprintf("fired after %s", took.Round(100*time.Millisecond))
		if !f.open {
			a.Observed += fmt.Sprintf(", resolved %s after the removal", max(0, after).Round(100*time.Millisecond))
		}
	}
	return a
}

func (r *run) heldOrUnknown() result.Outcome {
	if r.judged {
		return result.Held
	}
	return result.Unknown
}

func forbiddenAssertion(f experiment.ForbiddenAlert) result.Assertion {
	return result.Assertion{Name: "no alert with " + labelText(f.Labels), Kind: result.AssertForbid, Expected: "does not fire"}
}

func (r *run) judgeForbidden(f experiment.ForbiddenAlert) result.Assertion {
	a := forbiddenAssertion(f)
	a.Outcome = result.Unknown
	if r.timelineErr != nil {
		a.Observed = r.timelineErr.Error()
		r.missing(a.Name, r.timelineErr, "alerts could not be read")
		return a
	}
	for _, tr := range r.timeline {
		at, fired := tr.firedBetween(r.t0, r.end)
		if !fired || !tr.matches(f.Labels) {
			continue
		}
		a.Outcome = result.Broken
		a.Observed = fmt.Sprintf("%s fired after %s", tr.name, at.Sub(r.t0).Round(100*time.Millisecond))
		r.find(rankFail, result.AlertForbidden, "forbidden alert "+a.Observed)
		return a
	}
	a.Observed = "none fired"
	a.Outcome = r.heldOrUnknown()
	return a
}

func guardAssertion(g experiment.GuardRail) result.Assertion {
	return result.Assertion{
		Name: "guard rail " + g.SLO.Name, Kind: result.AssertGuard,
		Expected: fmt.Sprintf("burn rate over %s stays under %.4g", g.For, g.BurnRate),
	}
}

func (r *run) judgeGuard(i int, g experiment.GuardRail) result.Assertion {
	a := guardAssertion(g)
	if seen := r.tripped[i]; seen != "" {
		a.Outcome, a.Observed = result.Broken, seen
		return a
	}
	a.Outcome, a.Observed = result.Unknown, "not judged"
	if r.judged {
		a.Outcome, a.Observed = result.Held, "it did"
	}
	return a
}

func (r *run) recoveryAssertion() result.Assertion {
	return result.Assertion{
		Name: "recovery", Kind: result.AssertRecovery,
		Expected: fmt.Sprintf("targets are healthy and SLOs hold again within %s", r.x.Recover),
	}
}

func (r *run) judgeRecovery() result.Assertion {
	a := r.recoveryAssertion()
	a.Outcome = result.Unknown
	switch {
	case !r.back.IsZero():
		a.Outcome = result.Held
		a.Observed = "they do"
		if took := r.timeToRecover(); took != nil {
			a.Observed = fmt.Sprintf("after %.1f s", float64(*took))
		}
	case !r.judged:
		a.Observed = "not judged"
	case r.blindAtTheEnd():
		a.Observed = "no data"
		r.missing("recovery", nil, "it could not be seen")
	default:
		a.Outcome, a.Observed = result.Broken, r.notYet
		r.find(rankFail, result.NotRecovered, fmt.Sprintf("not recovered within %s: %s", r.x.Recover, r.notYet))
	}
	return a
}

// blindAtTheEnd says whether some assertion had no data when the run ended.
func (r *run) blindAtTheEnd() bool {
	for _, w := range r.slos {
		if w.err != nil {
			return true
		}
	}
	for _, w := range r.promql {
		if w.err != nil {
			return true
		}
	}
	return r.sight(healthyTargets).err != nil
}
