package judge

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// assertion turns one thing that was asked for into its outcome, and what speaks
// against a pass into findings. What was seen to break is broken however the run
// ended; only a run that was watched to its end can say that something held.
type assertions struct {
	x        *result.Spec
	ev       *result.Evidence
	watched  bool // to its end, with nothing that ended it before
	list     []result.Assertion
	findings []Finding
}

func (as *assertions) add(a result.Assertion) { as.list = append(as.list, a) }

func (as *assertions) fail(r result.Reason, format string, args ...any) {
	as.findings = append(as.findings, finding(rankFail, r, fmt.Sprintf(format, args...)))
}

// missing records that an assertion lacks data. In a run that something else
// ended, that says enough.
func (as *assertions) missing(name string, t *result.Trouble, detail string) {
	if !as.watched {
		return
	}
	if t == nil {
		t = &result.Trouble{Kind: result.TroubleNoData, Detail: "no data"}
	}
	as.findings = append(as.findings, finding(rankMissing, reason(t.Kind, result.NoData), fmt.Sprintf("%s: %s (%s)", name, detail, t.Detail)))
}

func (as *assertions) heldOrUnknown() result.Outcome {
	if as.watched {
		return result.Held
	}
	return result.Unknown
}

// unjudged lists what would have been asserted, for a run that never got there.
func unjudged(x *result.Spec) []result.Assertion {
	out := []result.Assertion{}
	add := func(a result.Assertion) {
		a.Outcome, a.Observed = result.Unknown, "not judged"
		out = append(out, a)
	}
	for _, s := range x.SLOs {
		if s.MaxBudgetSpend != nil {
			add(sloAssertion(s))
		}
	}
	for _, v := range x.Values {
		add(valueAssertion(v))
	}
	for _, e := range x.Expect {
		add(expectedAssertion(x, e))
	}
	for _, f := range x.Forbid {
		add(forbiddenAssertion(f))
	}
	for _, r := range x.Rails {
		add(railAssertion(r))
	}
	add(recoveryAssertion(x))
	return out
}

// judge goes through everything that was asked for.
func (as *assertions) judge() {
	for _, s := range as.x.SLOs {
		if s.MaxBudgetSpend != nil {
			as.add(as.slo(s))
		}
	}
	for _, v := range as.x.Values {
		as.add(as.value(v))
	}
	for _, e := range as.x.Expect {
		as.add(as.expected(e))
	}
	for _, f := range as.x.Forbid {
		as.add(as.forbidden(f))
	}
	for i := range as.x.Rails {
		as.add(as.rail(i))
	}
	as.add(as.recovery())
}

func sloAssertion(s result.SLO) result.Assertion {
	return result.Assertion{
		Name: s.Name, Kind: result.AssertSLO,
		Expected: fmt.Sprintf("spends at most %.3g%% of the error budget", 100**s.MaxBudgetSpend),
	}
}

func (as *assertions) slo(s result.SLO) result.Assertion {
	a := sloAssertion(s)
	a.Outcome = result.Unknown
	m := as.ev.Moments
	c := countsOf(as.ev, s.Name)
	cs := counts(c.Steps)
	share, e, ok := spent(as.ev, s, cs, *m.End)
	if !ok {
		a.Observed = "no data"
		as.missing(s.Name, c.Unread, "no counts since the fault")
		return a
	}
	a.Observed = fmt.Sprintf("spent %.3g%% (%.0f of %.0f events bad)", 100*share, e.bad, e.total)
	if share > *s.MaxBudgetSpend {
		a.Outcome = result.Broken
		as.fail(result.SLOBroken, "%s spent %.3g%% of its error budget, %.3g%% allowed (%.0f of %.0f events bad)",
			s.Name, 100*share, 100**s.MaxBudgetSpend, e.bad, e.total)
		return a
	}
	if !as.watched {
		return a
	}
	window := as.x.Timing.Window.Duration()
	rate, _ := baselineRate(as.ev, cs)
	quiet, _ := cs.slowest(*m.T0, *m.End, window, as.x.Timing.Scrape.Duration())
	gap := cs.gap(*m.T0, *m.End)
	switch {
	case c.Unread != nil:
		as.missing(s.Name, c.Unread, "the run's samples could not be read")
	case gap >= 2:
		as.missing(s.Name, nil, fmt.Sprintf("%d steps in a row are missing", gap))
	case !cs.ends(*m.End, 3*as.x.Timing.Scrape.Duration()):
		as.missing(s.Name, nil, "the last step is missing")
	case quiet < minVolume*rate:
		as.findings = append(as.findings, finding(rankMissing, result.LowTraffic,
			fmt.Sprintf("%s fell to %.4g events per second over %s, under half of the baseline's %.4g", s.Name, quiet, window, rate)))
	default:
		a.Outcome = result.Held
	}
	return a
}

func valueAssertion(v result.Bounded) result.Assertion {
	return result.Assertion{Name: v.Name, Kind: result.AssertPromQL, Expected: boundsOf(v).String()}
}

func (as *assertions) value(v result.Bounded) result.Assertion {
	a := valueAssertion(v)
	a.Outcome = result.Unknown
	m := as.ev.Moments
	// Up to the removal. What happened until then is complete a scrape and an
	// evaluation later.
	end := *m.End
	if m.Removed != nil {
		if late := m.Removed.Add(lag(as.x)); late.Before(end) {
			end = late
		}
	}
	vs := valuesOf(as.ev, v.Name)
	got := over(vs.Steps, *m.T0, end, boundsOf(v))
	switch {
	case got.broken != nil:
		a.Outcome = result.Broken
		a.Observed = fmt.Sprintf("%.4g, %s after the fault began", float64(got.broken.V), got.broken.T.Sub(*m.T0).Round(time.Second))
		as.fail(result.SLOBroken, "%s was %s; it must be %s", v.Name, a.Observed, boundsOf(v))
	case got.blind != "":
		a.Observed = got.blind
		as.missing(v.Name, &result.Trouble{Kind: got.kind, Detail: string(got.kind)}, got.blind)
	case vs.Unread != nil:
		a.Observed = "could not be read again"
		as.missing(v.Name, vs.Unread, "the run's samples could not be read")
	case as.watched:
		a.Outcome = result.Held
		a.Observed = fmt.Sprintf("%.4g at last", float64(got.last.V))
	}
	return a
}

func lag(x *result.Spec) time.Duration {
	return x.Timing.Scrape.Duration() + x.Timing.Evaluation.Duration()
}

func railAssertion(r result.Rail) result.Assertion {
	return result.Assertion{
		Name: "guard rail " + r.SLO, Kind: result.AssertGuard,
		Expected: fmt.Sprintf("burn rate over %s stays under %.4g", r.For.Duration(), r.BurnRate),
	}
}

func (as *assertions) rail(i int) result.Assertion {
	a := railAssertion(as.x.Rails[i])
	a.Outcome, a.Observed = result.Unknown, "not judged"
	if as.watched {
		a.Outcome, a.Observed = result.Held, "one bad event at most within its stretch"
	}
	for _, r := range as.ev.Watch.Rails {
		if r.Rail != i {
			continue
		}
		if len(tripped(as.x, r)) > 0 {
			a.Outcome, a.Observed = result.Broken, railDetail(as.x, r)
		} else if as.watched {
			a.Observed = fmt.Sprintf("%.4g at most", Burn(as.x, r))
		}
	}
	return a
}

func recoveryAssertion(x *result.Spec) result.Assertion {
	return result.Assertion{
		Name: "recovery", Kind: result.AssertRecovery,
		Expected: fmt.Sprintf("pods are ready and SLOs hold for %s, within %s of the removal", x.Timing.Window.Duration(), x.Timing.Recover.Duration()),
	}
}

func (as *assertions) recovery() result.Assertion {
	a := recoveryAssertion(as.x)
	a.Outcome = result.Unknown
	c := recovery(as.x, as.ev)
	switch {
	case c.passed && c.again:
		a.Outcome, a.Observed = result.Broken, "it broke again: "+c.why
		as.fail(result.NotRecovered, "it had recovered and broke again: %s", c.why)
	case c.passed:
		a.Outcome = result.Held
		a.Observed = fmt.Sprintf("after %.1f s", c.last.Sub(c.from).Seconds())
	case !as.watched:
		a.Observed = "not judged"
	case c.blind || as.blindAtTheEnd():
		a.Observed = "no data"
		as.missing("recovery", nil, "it could not be seen: "+c.why)
	default:
		a.Outcome, a.Observed = result.Broken, c.why
		as.fail(result.NotRecovered, "not recovered within %s: %s", as.x.Timing.Recover.Duration(), c.why)
	}
	return a
}

// blindAtTheEnd says whether the last look had no answer to some question.
func (as *assertions) blindAtTheEnd() bool {
	w := as.ev.Watch
	for _, g := range w.Gaps {
		if w.Last != nil && !g.Until.Before(*w.Last) {
			return true
		}
	}
	for _, s := range as.x.SLOs {
		if countsOf(as.ev, s.Name).Unread != nil {
			return true
		}
	}
	for _, v := range as.x.Values {
		if valuesOf(as.ev, v.Name).Unread != nil {
			return true
		}
	}
	return false
}
