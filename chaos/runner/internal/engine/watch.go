package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// view is what one look at Prometheus saw.
type view struct {
	t          time.Time
	sights     []seen // of every assertion, in the order SLOs, PromQL
	healthy    float64
	healthyErr error
	alerts     alertStates
	alertsErr  error
	instrument []seen
}

// seen is one number, or why there is none.
type seen struct {
	name  string
	v     float64
	err   error
	bound bounds
}

// blind returns why some assertion has no data, or nil.
func (v view) blind() error {
	errs := make([]error, 0, len(v.sights)+2)
	for _, s := range v.sights {
		if s.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, s.err))
		}
	}
	if v.healthyErr != nil {
		errs = append(errs, fmt.Errorf("healthy targets: %w", v.healthyErr))
	}
	if v.alertsErr != nil {
		errs = append(errs, fmt.Errorf("alerts: %w", v.alertsErr))
	}
	return errors.Join(errs...)
}

// unfit says in which ways the instrument itself is out of bounds.
func (v view) unfit() []string {
	var out []string
	for _, s := range v.instrument {
		if s.err == nil && !s.bound.hold(s.v) {
			out = append(out, fmt.Sprintf("%s is %.4g, %s", s.name, s.v, s.bound))
		}
	}
	return out
}

// String says the bounds in words.
func (b bounds) String() string {
	switch {
	case b.min != nil && b.max != nil:
		return fmt.Sprintf("from %.4g to %.4g", *b.min, *b.max)
	case b.max != nil:
		return fmt.Sprintf("at most %.4g", *b.max)
	case b.min != nil:
		return fmt.Sprintf("at least %.4g", *b.min)
	}
	return "unbounded"
}

// watch looks every tick until the time given, until each returns true (then it
// returns true), until ctx ends, or until something is found that ends the
// observation. side, when not nil, delivers measurements made meanwhile.
func (r *run) watch(ctx context.Context, until time.Time, side *measuring, each func(view) bool) bool {
	ticker := time.NewTicker(r.tick())
	defer ticker.Stop()
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	var answers <-chan measurement
	if side != nil {
		answers = side.answers
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return false
		case m := <-answers:
			if side.take(m) {
				return true
			}
		case <-ticker.C:
			before := len(r.findings)
			v := r.look(ctx)
			if ctx.Err() != nil {
				return false
			}
			r.examine(v)
			if len(r.findings) > before {
				return false
			}
			if each(v) {
				return true
			}
		}
	}
}

// look asks every question once, all at the same time t, side by side.
func (r *run) look(ctx context.Context) view {
	// A look that takes longer than this says nothing about now.
	ctx, cancel := context.WithTimeout(ctx, max(2*time.Second, r.cfg.Scrape))
	defer cancel()
	t := instant()
	at := prom.Window{Start: t, End: t, Step: r.cfg.Scrape}
	v := view{t: t, sights: make([]seen, len(r.slos)+len(r.promql)), instrument: make([]seen, len(r.cfg.Instrument))}

	var wg sync.WaitGroup
	var failed atomic.Value
	ask := func(question func()) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					failed.Store(fmt.Sprint(p))
				}
			}()
			question()
		})
	}
	eventSeries := make([][]prom.Series, len(r.slos))
	for i, w := range r.slos {
		v.sights[i].name = w.slo.Name
		ask(func() { eventSeries[i], v.sights[i].err = r.cfg.Querier.Range(ctx, eventsExpr(w.slo), at) })
	}
	for i, w := range r.promql {
		s := &v.sights[len(r.slos)+i]
		s.name = w.assert.Name
		ask(func() { s.v, s.err = r.instant(ctx, w.assert.PromQL, t) })
	}
	for i, b := range r.cfg.Instrument {
		v.instrument[i] = seen{name: b.Name, bound: bounds{min: b.Min, max: b.Max}}
		ask(func() { v.instrument[i].v, v.instrument[i].err = r.instant(ctx, b.PromQL, t) })
	}
	ask(func() { v.healthy, v.healthyErr = r.healthyAt(ctx, t) })
	ask(func() {
		series, err := r.cfg.Querier.Range(ctx, alertsExpr, at)
		if errors.Is(err, prom.ErrNoData) {
			err = nil // no alert is active
		}
		v.alerts, v.alertsErr = statesOf(series), err
	})
	wg.Wait()
	if p := failed.Load(); p != nil {
		panic(p) // here, where it is contained and the faults are removed
	}

	for i, w := range r.slos {
		var tl tally
		tl.addRange(eventSeries[i], at)
		if v.sights[i].err == nil && !tl.points[0].ok {
			v.sights[i].err = prom.ErrNoData
		}
		if v.sights[i].err == nil {
			w.live.addRange(eventSeries[i], at)
		}
		w.saw(t, v.sights[i].err)
	}
	for i, w := range r.promql {
		s := v.sights[len(r.slos)+i]
		w.live.add(t, s.v, s.err)
		w.saw(t, s.err)
	}
	r.sight(healthyTargets).saw(t, v.healthyErr)
	r.sight("alerts").saw(t, v.alertsErr)
	for _, s := range v.instrument {
		r.sight(s.name).saw(t, s.err)
	}
	return v
}

const healthyTargets = "healthy targets"

// sight of what is looked at beside the assertions.
func (r *run) sight(name string) *sight {
	if r.sights[name] == nil {
		r.sights[name] = &sight{}
	}
	return r.sights[name]
}

func (r *run) instant(ctx context.Context, expr string, t time.Time) (float64, error) {
	got, err := r.cfg.Querier.Instant(ctx, experiment.ExpandWindow(expr, r.window()), t)
	return got.V, err
}

// healthyAt counts the healthy targets. None at all leaves count() without an
// answer; that is a zero as long as there are targets.
func (r *run) healthyAt(ctx context.Context, t time.Time) (float64, error) {
	got, err := r.cfg.Querier.Instant(ctx, r.cfg.Healthy, t)
	if errors.Is(err, prom.ErrNoData) {
		if up, upErr := r.cfg.Querier.Instant(ctx, "count(up)", t); upErr == nil && up.V > 0 {
			return 0, nil
		}
	}
	return got.V, err
}

// examine acts on what was seen: guard rails, blindness and an unfit instrument
// end the observation. Before the first fault only the events go out.
func (r *run) examine(v view) {
	r.progress(v)
	r.followAlerts(v)
	if r.t0.IsZero() {
		return
	}
	if v.healthyErr == nil && v.healthy < r.healthy {
		r.lastHealthyLoss = v.t
	}
	for i, g := range r.x.Abort {
		r.guard(i, g, v.t)
	}
	for _, w := range r.slos {
		r.blind(w.slo.Name, w.sight, v.t)
	}
	for _, w := range r.promql {
		r.blind(w.assert.Name, w.sight, v.t)
	}
	for _, name := range slices.Sorted(maps.Keys(r.sights)) {
		r.blind(name, *r.sights[name], v.t)
	}
	for _, detail := range v.unfit() {
		r.find(rankGate, result.InstrumentUnfit, detail)
	}
}

// guard trips when the burn rate over the rail's stretch reaches its limit.
func (r *run) guard(i int, g experiment.GuardRail, now time.Time) {
	if r.tripped[i] != "" {
		return
	}
	for _, w := range r.slos {
		if w.slo.Name != g.SLO.Name {
			continue
		}
		stretch := max(g.For, 2*r.cfg.Scrape)
		ev, ok := w.live.between(now.Add(-stretch), now)
		if !ok || ev.bad <= 1 {
			return
		}
		// Where counting began later than that, what came before is thought to be
		// healthy: a rail must not trip on less than its stretch.
		ratio := ev.ratio() * min(1, ev.span.Seconds()/stretch.Seconds())
		if burn := slo.BurnRate(ratio, g.SLO.Objective); burn >= g.BurnRate {
			r.tripped[i] = fmt.Sprintf("%s burned at %.4g times its budget over %s, limit %.4g (%.0f of %.0f events bad)",
				g.SLO.Name, burn, stretch, g.BurnRate, ev.bad, ev.total)
			r.find(rankAborted, result.GuardRail, r.tripped[i])
		}
	}
}

// blind ends the observation after five seconds without data: the fault must not
// go on while nobody can see what it does.
func (r *run) blind(name string, s sight, now time.Time) {
	if s.err == nil || now.Sub(later(s.last, r.t0)) < blindness {
		return
	}
	r.find(rankMissing, dataReason(s.err), fmt.Sprintf("%s has had no data for %s: %v", name, blindness, s.err))
}

// progress sends the indicators out.
func (r *run) progress(v view) {
	from := v.t.Add(-r.window())
	samples := make([]result.Now, 0, len(v.sights))
	for i, w := range r.slos {
		n := result.Now{Name: w.slo.Name}
		if ev, ok := w.live.between(from, v.t); ok && v.sights[i].err == nil {
			ratio, burn := ev.ratio(), slo.BurnRate(ev.ratio(), w.slo.Objective)
			n.Value, n.BurnRate = &ratio, &burn
			if spent, ok := r.spent(w, v.t); ok {
				n.Spent = &spent
			}
		}
		samples = append(samples, n)
	}
	for i, w := range r.promql {
		n := result.Now{Name: w.assert.Name}
		if s := v.sights[len(r.slos)+i]; s.err == nil {
			n.Value = &s.v
		}
		samples = append(samples, n)
	}
	r.emit(result.Event{Type: result.EventSample, Samples: samples})
}

// spent is the share of the whole error budget that went since t0.
func (r *run) spent(w *watchedSLO, now time.Time) (float64, bool) {
	if r.t0.IsZero() {
		return 0, false
	}
	rate, ok := r.baselineRate(w)
	if !ok {
		return 0, false
	}
	ev, ok := w.events().between(r.t0, now)
	if !ok {
		return 0, false
	}
	return slo.Spend(ev.bad, w.slo.Objective, rate, w.slo.Window), true
}

// baselineRate is the SLO's events per second before the fault.
func (r *run) baselineRate(w *watchedSLO) (float64, bool) {
	ev, ok := w.events().between(r.began, r.t0)
	if !ok || ev.rate() <= 0 {
		return 0, false
	}
	return ev.rate(), true
}

// followAlerts reports what changed since the last look.
func (r *run) followAlerts(v view) {
	if v.alertsErr != nil {
		return
	}
	for id, a := range v.alerts {
		if before, ok := r.alertsNow[id]; !ok || before.state != a.state {
			r.emit(result.Event{Type: result.EventAlert, Alert: a.name, State: a.state})
		}
		if a.state == stateFiring && !r.t0.IsZero() && r.firedLive[a.name].IsZero() {
			r.firedLive[a.name] = v.t
		}
	}
	for id, a := range r.alertsNow {
		if _, still := v.alerts[id]; !still {
			r.emit(result.Event{Type: result.EventAlert, Alert: a.name, State: "resolved"})
		}
	}
	r.alertsNow = v.alerts
}
