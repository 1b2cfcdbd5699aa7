// Package judge decides what a run shows. It is pure: what the experiment asked
// for and the evidence go in, findings and a verdict come out. It asks nothing
// and knows no clock, so that anyone can compute a verdict again.
package judge

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// ErrRecord is returned when nothing speaks against a run whose record does not
// show a pass either: the record is wrong, which is an error of the runner.
var ErrRecord = errors.New("the evidence shows neither a pass nor why not")

// Judge computes all that follows from the evidence of one run. The error wraps
// ErrRecord; the verdict is then inconclusive.
func Judge(x result.Spec, ev result.Evidence) (result.Judgment, error) {
	found := append(Before(&x, &ev), During(&x, &ev)...)
	found = append(found, ending(&ev)...)
	m := ev.Moments
	j := result.Judgment{T0: m.T0, T1: m.T1, Removed: m.Removed}
	if ev.Plan != nil {
		j.Radius = ev.Plan.Radius
	}
	for _, s := range ev.Effects {
		j.Effects = append(j.Effects, s.Effects...)
	}
	if ev.Cleanup != nil {
		j.Residue = ev.Cleanup.Residue
	}
	switch {
	case m.T0 != nil && m.End != nil:
		as := &assertions{x: &x, ev: &ev, watched: m.Watched != nil && m.Removed != nil && len(found) == 0}
		found = append(found, beginning(&x, &ev)...)
		as.judge()
		j.Asserts = as.list
		found = append(found, as.findings...)
		if c := recovery(&x, &ev); c.passed {
			j.Back = &c.last
			took := result.InSeconds(c.last.Sub(c.from))
			j.TimeToRecover = &took
		}
	default:
		j.Asserts = unjudged(&x)
	}
	found = append(found, cleanup(ev.Cleanup)...)
	if m.Began != nil && m.End != nil {
		j.SLIs = slis(&x, &ev)
		j.Alerts = alertRecords(&x, &ev)
		j.TimeToDetect = timeToDetect(j.Alerts)
	}
	err := decide(&x, &ev, &j, found)
	j.Summary = summary(&x, j) + unfelt(&ev) + overridden(&x, &ev)
	return j, err
}

// decide lets the first finding decide. Without one, the record must show a pass.
func decide(x *result.Spec, ev *result.Evidence, j *result.Judgment, found []Finding) error {
	var err error
	if len(found) == 0 {
		if err = granted(x, ev, j.Asserts); err == nil {
			j.Verdict = result.Pass
			return nil
		}
		found = []Finding{finding(rankGate, result.Interrupted, "the runner failed: "+err.Error())}
	}
	found = ordered(found)
	for _, f := range found {
		j.Findings = append(j.Findings, f.Record())
	}
	j.Verdict, j.Reason = found[0].Verdict(), found[0].Reason
	return err
}

// granted says what a pass still lacks. It is never what is left over when
// nothing was found.
func granted(x *result.Spec, ev *result.Evidence, list []result.Assertion) error {
	var errs []error
	lacks := func(what string) { errs = append(errs, fmt.Errorf("%w: %s", ErrRecord, what)) }
	m := ev.Moments
	switch {
	case ev.Baseline == nil:
		lacks("no baseline")
	case m.T0 == nil || m.T1 == nil:
		lacks("the fault was not confirmed")
	case m.Removed == nil || m.Watched == nil:
		lacks("the recovery was not watched to its end")
	}
	proof, recovered := false, false
	for _, a := range list {
		if a.Outcome != result.Held {
			lacks(a.Name + " is " + string(a.Outcome))
		}
		switch a.Kind {
		case result.AssertSLO, result.AssertPromQL, result.AssertExpect:
			proof = true
		case result.AssertRecovery:
			recovered = true
		case result.AssertForbid, result.AssertGuard:
		}
	}
	if !proof {
		lacks("nothing was asserted")
	}
	if !recovered {
		lacks("the recovery was not judged")
	}
	if !x.Control {
		errs = append(errs, proven(x, ev))
	}
	return errors.Join(errs...)
}

// proven says which proof of the fault is missing: that it showed, was held, was
// removed and left nothing.
func proven(x *result.Spec, ev *result.Evidence) error {
	var errs []error
	lacks := func(what string) { errs = append(errs, fmt.Errorf("%w: %s", ErrRecord, what)) }
	measured := map[result.Stage]map[string]bool{}
	for _, s := range ev.Effects {
		if measured[s.Stage] == nil {
			measured[s.Stage] = map[string]bool{}
		}
		for _, f := range s.Faults {
			measured[s.Stage][f] = measured[s.Stage][f] || Complete(ev.Plan, s)
		}
	}
	if ev.Plan == nil || len(ev.Plan.Faults) == 0 {
		lacks("no fault was planned")
		return errors.Join(errs...)
	}
	for _, f := range ev.Plan.Faults {
		if !measured[result.StageConfirm][f.Fault] {
			lacks(f.Fault + " was not shown on every target")
		}
	}
	for _, d := range DueAgain(x, ev.Plan, ev.Moments) {
		for _, f := range d.Faults {
			if !measured[result.StageHold][f] {
				lacks(f + " was not measured again before its end")
			}
		}
	}
	if c := ev.Cleanup; c == nil || !c.Audited || c.Removal != nil || len(c.Residue) > 0 {
		lacks("what is left of the fault was not looked for")
	}
	return errors.Join(errs...)
}

// beginning finds alerts that came up between the last look of the baseline and
// the fault: what fired before it is not its doing.
func beginning(x *result.Spec, ev *result.Evidence) []Finding {
	var out []Finding
	for _, s := range ev.Series.Alerts {
		if r := role(x, s); r != "" && firingAt(s, *ev.Moments.T0) {
			out = append(out, finding(rankGate, result.BaselineUnhealthy, fmt.Sprintf("%s alert %s was firing when the fault began", r, s.Name)))
		}
	}
	return out
}

// ending is what ended the run other than its plan.
func ending(ev *result.Evidence) []Finding {
	var out []Finding
	if i := ev.Ending.Interrupt; i != nil {
		k, r := rankGate, result.Interrupted
		switch {
		case i.KillSwitch && ev.Moments.T0 != nil:
			// Somebody saw the fault and wanted it gone, as a guard rail does.
			k, r = rankAborted, result.KillSwitch
		case i.KillSwitch:
			r = result.KillSwitch
		case i.Lost:
			r = result.TargetUnreachable
		}
		out = append(out, finding(k, r, fmt.Sprintf("%s in phase %s", i.Detail, i.Phase)))
	}
	for _, f := range ev.Ending.Failures {
		out = append(out, finding(rankGate, result.Interrupted, "the runner failed: "+f))
	}
	return out
}

// cleanup judges what was left of the fault.
func cleanup(c *result.Cleanup) []Finding {
	if c == nil {
		return nil
	}
	var out []Finding
	if c.Removal != nil {
		out = append(out, finding(rankResidue, result.LeftBehind, "removing the faults failed: "+c.Removal.Detail+"; run `ballast sweep`"))
	}
	for _, left := range c.Residue {
		out = append(out, finding(rankResidue, result.LeftBehind, left+"; run `ballast sweep`"))
	}
	switch {
	case c.Audited || len(c.Residue) > 0:
	case c.Audit != nil && c.Audit.Kind == result.TroubleTarget:
		out = append(out, finding(rankGate, result.TargetUnreachable, "the target was lost, and with it the check of what the faults left behind: "+c.Audit.Detail))
	default:
		detail := "it was not asked"
		if c.Audit != nil {
			detail = c.Audit.Detail
		}
		out = append(out, finding(rankResidue, result.LeftBehind, "the target did not say what is left of the faults: "+detail))
	}
	return out
}

// summary is one sentence for a person.
func summary(x *result.Spec, j result.Judgment) string {
	control := ""
	if x.Control {
		control = " without a fault (control)"
	}
	first := ""
	if len(j.Findings) > 0 {
		first = j.Findings[0].Detail
	}
	switch j.Verdict {
	case result.Pass:
		return "Every assertion held" + control + "."
	case result.Fail:
		return "The platform did not hold" + control + ": " + first + "."
	case result.Aborted:
		by := "A guard rail"
		if j.Reason == result.KillSwitch {
			by = "The kill switch"
		}
		return by + " stopped the run: " + first + "."
	case result.Residual:
		return "Something of the fault is still there: " + first + "."
	case result.Inconclusive:
		return fmt.Sprintf("Nothing can be said (%s): %s.", j.Reason, first)
	}
	return first
}

// unfelt says of which loads the run shows little, whatever its verdict: at the last
// measurement they were applied, and their target lost nothing to them.
func unfelt(ev *result.Evidence) string {
	last := map[string]result.Effect{}
	var order []string
	for _, s := range ev.Effects {
		for _, e := range s.Effects {
			key := e.Fault + " on " + e.Target
			if _, known := last[key]; !known {
				order = append(order, key)
			}
			last[key] = e
		}
	}
	order = slices.DeleteFunc(order, func(key string) bool { return !last[key].Unfelt })
	if len(order) == 0 {
		return ""
	}
	return " Load applied, not felt: " + strings.Join(order, ", ") + "."
}
