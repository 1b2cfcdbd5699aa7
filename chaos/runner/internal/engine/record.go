package engine

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// chartScrapes is how many scrapes one point of an error ratio's chart covers:
// enough to divide by, few enough to show a short outage.
const chartScrapes = 4

// sloRecord is an SLO's chart and budget for the evidence.
func (r *run) sloRecord(w *watchedSLO) result.SLI {
	budget, objective, days := w.slo.Budget(), w.slo.Objective, w.slo.Window.Hours()/24
	out := result.SLI{
		Name: w.slo.Name, Unit: "error ratio", Query: "1 − " + w.slo.Good + " / " + w.slo.Total,
		Max: &budget, Objective: &objective, WindowDays: &days, Points: []result.Point{},
	}
	tl := w.events()
	for _, p := range tl.points {
		if !p.ok || p.t.Before(r.began) {
			continue
		}
		ev, ok := tl.between(p.t.Add(-chartScrapes*r.cfg.Scrape), p.t)
		if !ok {
			continue
		}
		out.Points = append(out.Points, result.Point{T: p.t, V: ev.ratio()})
		out.BurnRate = append(out.BurnRate, result.Point{T: p.t, V: slo.BurnRate(ev.ratio(), objective)})
	}
	rate, ok := r.baselineRate(w)
	if !ok {
		return out
	}
	out.BaselineRate = &rate
	whole := budget * rate * w.slo.Window.Seconds()
	out.BudgetEvents = &whole
	if w.assert != nil {
		out.BudgetLimit = &w.assert.MaxBudgetSpend
	}
	if ev, ok := tl.between(r.t0, r.until()); ok && !r.t0.IsZero() {
		spent := slo.Spend(ev.bad, objective, rate, w.slo.Window)
		out.BadEvents, out.TotalEvents, out.BudgetSpent = &ev.bad, &ev.total, &spent
	}
	return out
}

func promqlRecord(w *watchedPromQL, window time.Duration) result.SLI {
	out := result.SLI{
		Name: w.assert.Name, Query: experiment.ExpandWindow(w.assert.PromQL, window),
		Max: w.assert.Max, Min: w.assert.Min, Points: []result.Point{},
	}
	for _, p := range w.values().points {
		if p.err == nil {
			out.Points = append(out.Points, result.Point{T: p.t, V: p.v})
		}
	}
	return out
}

// alertRecords lists every alert that was active, and every expected one.
func (r *run) alertRecords() []result.Alert {
	var out []result.Alert
	named := map[string]bool{}
	for _, tr := range r.timeline {
		a := result.Alert{
			Name: tr.name, Labels: tr.labels, Severity: tr.labels["severity"],
			Pending: tr.pending, Firing: tr.firing, Role: r.role(tr),
		}
		if at, ok := tr.firedBetween(r.t0, r.end); ok && !r.t0.IsZero() {
			took := result.Seconds(at.Sub(r.t0).Seconds())
			a.Measured = &took
			if resolved, open := tr.resolvedAfter(r.end); !open && !r.removed.IsZero() {
				in := result.Seconds(max(0, resolved.Sub(r.removed)).Seconds())
				a.ResolvedIn = &in
			}
		}
		r.predict(&a)
		named[tr.name] = true
		out = append(out, a)
	}
	for _, x := range r.x.Expect {
		if !named[x.Name] {
			a := result.Alert{Name: x.Name, Role: "expected"}
			r.predict(&a)
			out = append(out, a)
		}
	}
	return out
}

func (r *run) role(tr alertTrack) string {
	for _, x := range r.x.Expect {
		if x.Name == tr.name {
			return "expected"
		}
	}
	for _, f := range r.x.Forbid {
		if tr.matches(f.Labels) {
			return "forbidden"
		}
	}
	return ""
}

// predict adds when the alert's own arithmetic says that it fires, given the
// error ratio that was measured while the fault was in place.
func (r *run) predict(a *result.Alert) {
	if r.t0.IsZero() || r.cfg.Control {
		return
	}
	for _, m := range r.cfg.Alerts {
		if m.Name != a.Name || !sameTier(m, a.Labels) {
			continue
		}
		ratio := 1.0 // of an alert on a condition: it is simply true
		if m.SLO != "" {
			var ok bool
			if ratio, ok = r.faultRatio(m.SLO); !ok {
				return
			}
		}
		lo, hi, ok := m.Predict(ratio, r.cfg.AlertScale, r.cfg.Scrape, r.cfg.Evaluation)
		if !ok {
			return
		}
		from, to := result.Seconds(lo.Seconds()), result.Seconds(hi.Seconds())
		a.PredictedMin, a.PredictedMax = &from, &to
		return
	}
}

// sameTier says whether the model's own labels are those of the alert: one alert
// name may stand for several tiers.
func sameTier(m slo.AlertModel, labels map[string]string) bool {
	if labels == nil {
		return true
	}
	for k, v := range m.Labels {
		if have, ok := labels[k]; ok && have != v {
			return false
		}
	}
	return true
}

// faultRatio is the error ratio of an SLO while the fault was in place.
func (r *run) faultRatio(name string) (float64, bool) {
	for _, w := range r.slos {
		if w.slo.Name == name {
			ev, ok := w.events().between(r.t0, later(r.removed, r.t0))
			return ev.ratio(), ok
		}
	}
	return 0, false
}

// timeToDetect is from the fault to the first expected alert, or else to any.
func (r *run) timeToDetect() *result.Seconds {
	var first *result.Seconds
	expected := false
	for i := range r.res.Alerts {
		a := &r.res.Alerts[i]
		if a.Measured == nil {
			continue
		}
		isExpected := a.Role == "expected"
		if first == nil || isExpected && !expected || isExpected == expected && *a.Measured < *first {
			first, expected = a.Measured, isExpected
		}
	}
	return first
}

// recoveredAt returns the end of the fault and the last trace of it: a bad event or
// a missing target. A one-shot fault ends when it begins. That it was the last is
// known only once everything has held for a while. ok is false without recovery.
func (r *run) recoveredAt() (from, last time.Time, ok bool) {
	if r.back.IsZero() {
		return from, last, false
	}
	from = r.t0
	for _, p := range r.plan.Faults {
		if !p.Fault.OneShot {
			from = r.removed
		}
	}
	last = from
	for _, w := range r.slos {
		if at, ok := w.events().lastBad(from, r.back); ok {
			last = later(last, at)
		}
	}
	if r.lastHealthyLoss.After(last) && !r.lastHealthyLoss.After(r.back) {
		last = r.lastHealthyLoss
	}
	return from, last, true
}

func (r *run) timeToRecover() *result.Seconds {
	from, last, ok := r.recoveredAt()
	if !ok {
		return nil
	}
	s := result.Seconds(last.Sub(from).Seconds())
	return &s
}

func labelText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ", ")
}
