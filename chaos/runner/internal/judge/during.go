package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

const (
	// Blindness is how long a run goes on under fault without data.
	Blindness = 5 * time.Second
	// Remeasure is how long before its end a fault is measured again.
	Remeasure = 1500 * time.Millisecond
)

// During returns what ends the observation of a fault, given the evidence so far:
// it was not injected, not confirmed or not held, a guard rail tripped, nobody
// can see what happens, or the instrument is unfit.
func During(x *result.Spec, ev *result.Evidence) []Finding {
	var out []Finding
	if ev.Moments.T0 == nil {
		return nil
	}
	for _, f := range ev.Ending.NotInjected {
		out = append(out, finding(rankGate, reason(f.Kind, result.NotInjected), "injecting: "+f.Detail))
	}
	for _, s := range ev.Effects {
		out = append(out, effects(x, ev, s)...)
	}
	for _, r := range ev.Watch.Rails {
		out = append(out, tripped(x, r)...)
	}
	for _, g := range ev.Watch.Gaps {
		if g.Until.Sub(g.Since) >= Blindness {
			out = append(out, finding(rankMissing, reason(g.Trouble.Kind, result.NoData),
				fmt.Sprintf("%s: no data for %s: %s", g.Name, Blindness, g.Trouble.Detail)))
		}
	}
	out = append(out, unevaluated(ev, rankMissing)...)
	for _, e := range ev.Watch.Instrument {
		for _, b := range x.Instrument {
			if bs := boundsOf(b); b.Name == e.Name && !bs.hold(float64(e.Value)) {
				out = append(out, finding(rankGate, result.InstrumentUnfit, fmt.Sprintf("%s is %.4g, %s", e.Name, float64(e.Value), bs)))
			}
		}
	}
	return out
}

// Complete says whether a measurement shows every planned target of its faults.
func Complete(p *result.Plan, s result.Shown) bool {
	if p == nil {
		return false
	}
	n := 0
	for _, f := range p.Faults {
		if !slices.Contains(s.Faults, f.Fault) {
			continue
		}
		for _, t := range f.Targets {
			n++
			if e, ok := effectOn(s, f.Fault, t); !ok || !e.Shown {
				return false
			}
		}
	}
	return n > 0
}

func effectOn(s result.Shown, faultID, target string) (result.Effect, bool) {
	for _, e := range s.Effects {
		if e.Fault == faultID && e.Target == target {
			return e, true
		}
	}
	return result.Effect{}, false
}

// effects judges one measurement. One that is not complete counts once its time
// is over, or when the run went on all the same.
func effects(x *result.Spec, ev *result.Evidence, s result.Shown) []Finding {
	if Complete(ev.Plan, s) || ev.Plan == nil {
		return nil
	}
	over := s.Expired || s.Stage == result.StageConfirm && ev.Moments.T1 != nil || s.Stage == result.StageHold && ev.Moments.Watched != nil
	if !over {
		return nil
	}
	why, detail := unconfirmed(ev.Plan, s)
	if s.Stage == result.StageHold {
		return []Finding{finding(rankGate, result.NotHeld, "before its end: "+detail)}
	}
	return []Finding{finding(rankGate, why, fmt.Sprintf("within %s: %s", x.Timing.Confirm.Duration(), detail))}
}

// unconfirmed names why not everything was shown: nothing or only a part was
// injected, or what was injected did not show.
func unconfirmed(p *result.Plan, s result.Shown) (result.Reason, string) {
	var injected, missing int
	var details []string
	for _, f := range p.Faults {
		if !slices.Contains(s.Faults, f.Fault) {
			continue
		}
		for _, t := range f.Targets {
			e, ok := effectOn(s, f.Fault, t)
			switch {
			case !ok:
				missing++
				details = append(details, fmt.Sprintf("%s on %s: not measured", f.Fault, t))
			case e.Shown:
				injected++
			case e.Injected:
				injected++
				details = append(details, fmt.Sprintf("%s on %s does not show: %s", f.Fault, t, e.Observed))
			default:
				missing++
				details = append(details, fmt.Sprintf("%s on %s was not injected: %s", f.Fault, t, e.Observed))
			}
		}
	}
	if s.Trouble != nil {
		details = append(details, s.Trouble.Detail)
	}
	detail := strings.Join(details, "; ")
	switch {
	case s.Trouble != nil && len(s.Effects) == 0:
		return reason(s.Trouble.Kind, result.NotConfirmed), detail
	case missing == 0:
		return result.NotConfirmed, detail
	case injected > 0:
		return result.PartialInjection, detail
	case len(s.Effects) > 0:
		return result.NotInjected, detail
	}
	return result.NotConfirmed, detail
}

// Due is when faults are measured again.
type Due struct {
	At     time.Time
	Faults []string
}

// DueAgain returns when which faults are measured once more, in order: just
// before the latest end of the observation, or before a shorter duration of their
// own ends them. Where the observation ends earlier, they are measured before that.
// One-shots happen once, and what is too short is not measured twice.
func DueAgain(x *result.Spec, p *result.Plan, m result.Moments) []Due {
	if x.Control || p == nil || m.T0 == nil || m.T1 == nil {
		return nil
	}
	_, until := Hold(x, m)
	var out []Due
	for _, f := range p.Faults {
		ends := m.T0.Add(f.Duration.Duration())
		if f.OneShot || ends.Before(m.T1.Add(2*Remeasure)) {
			continue
		}
		at := until.Add(-Remeasure)
		if early := ends.Add(-Remeasure); early.Before(at) {
			at = early
		}
		i := slices.IndexFunc(out, func(d Due) bool { return d.At.Equal(at) })
		if i < 0 {
			i = len(out)
			out = append(out, Due{At: at})
		}
		out[i].Faults = append(out[i].Faults, f.Fault)
	}
	slices.SortFunc(out, func(a, b Due) int { return a.At.Compare(b.At) })
	return out
}

// stretch is how far a guard rail looks back.
func stretch(x *result.Spec, r result.Rail) time.Duration {
	return max(r.For.Duration(), 2*x.Timing.Scrape.Duration())
}

// ReadRail is what a guard rail sees at now. ok is false without two scrapes, and
// where one bad event or none was counted: a single failure must not stop a run.
func ReadRail(x *result.Spec, rail int, steps []result.Count, now time.Time) (result.RailReading, bool) {
	e, ok := counts(steps).between(now.Add(-stretch(x, x.Rails[rail])), now)
	if !ok || e.bad <= 1 {
		return result.RailReading{}, false
	}
	return result.RailReading{Rail: rail, At: now, Bad: e.bad, Total: e.total, Over: result.InSeconds(e.span)}, true
}

// Burn is the burn rate of a reading. Where counting began later than the rail's
// stretch, what came before is taken to be healthy: a rail must not trip on less
// than its stretch.
func Burn(x *result.Spec, r result.RailReading) float64 {
	if r.Rail < 0 || r.Rail >= len(x.Rails) {
		return 0
	}
	rail := x.Rails[r.Rail]
	s, ok := sloOf(x, rail.SLO)
	if !ok {
		return 0
	}
	e := events{bad: r.Bad, total: r.Total}
	return slo.BurnRate(e.ratio()*min(1, r.Over.Duration().Seconds()/stretch(x, rail).Seconds()), s.Objective)
}

func tripped(x *result.Spec, r result.RailReading) []Finding {
	burn := Burn(x, r)
	if r.Rail < 0 || r.Rail >= len(x.Rails) || burn < x.Rails[r.Rail].BurnRate {
		return nil
	}
	return []Finding{finding(rankAborted, result.GuardRail, railDetail(x, r))}
}

func railDetail(x *result.Spec, r result.RailReading) string {
	rail := x.Rails[r.Rail]
	return fmt.Sprintf("%s burned at %.4g times its budget over %s, limit %.4g (%.0f of %.0f events bad)",
		rail.SLO, Burn(x, r), stretch(x, rail), rail.BurnRate, r.Bad, r.Total)
}

func sloOf(x *result.Spec, name string) (result.SLO, bool) {
	for _, s := range x.SLOs {
		if s.Name == name {
			return s, true
		}
	}
	return result.SLO{}, false
}

// Worse keeps, of each bound, the value furthest out of it, or the newest while
// all are within.
func Worse(list []result.Extreme, b result.Bounded, e result.Extreme) []result.Extreme {
	bs := boundsOf(b)
	for i := range list {
		if list[i].Name != e.Name {
			continue
		}
		if bs.excess(float64(e.Value)) >= bs.excess(float64(list[i].Value)) {
			list[i] = e
		}
		return list
	}
	return append(list, e)
}

// Hotter keeps, of each guard rail, the reading with the highest burn rate.
func Hotter(x *result.Spec, list []result.RailReading, r result.RailReading) []result.RailReading {
	for i := range list {
		if list[i].Rail != r.Rail {
			continue
		}
		if Burn(x, r) > Burn(x, list[i]) {
			list[i] = r
		}
		return list
	}
	return append(list, r)
}

// Fired says whether one of the alerts matches.
func Fired(alerts map[string]result.ActiveAlert, want result.AlertMatch) bool {
	for _, a := range alerts {
		if matches(want, a.Name, a.Labels) {
			return true
		}
	}
	return false
}

// Aborted says whether a guard rail has tripped.
func Aborted(x *result.Spec, ev *result.Evidence) bool { return aborted(During(x, ev)) }
