package engine

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

const (
	// slowestTick keeps the run watching where scrapes are rare.
	slowestTick = 2 * time.Second
	// pulse is how often Prometheus is asked whether it is there.
	pulse = time.Second
)

// tick is how often the run looks: twice a scrape, so that a breach is acted on
// within one scrape of being recorded.
func (e *Engine) tick() time.Duration {
	return min(max(min(e.cfg.Scrape, e.cfg.Evaluation)/2, 100*time.Millisecond), slowestTick)
}

// watch looks every tick until the time given, until each returns true (then it
// returns true), until ctx ends, or until something is found that ends the
// observation. side, when not nil, delivers measurements made meanwhile.
func (r *run) watch(ctx context.Context, until time.Time, side *measuring, each func(look) bool) bool {
	ticker := time.NewTicker(r.tick())
	defer ticker.Stop()
	beat := time.NewTicker(pulse)
	defer beat.Stop()
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
		case <-beat.C:
			if r.tick() <= pulse || r.ev.Moments.T0 == nil {
				continue // the looks are as frequent, or there is no fault to end
			}
			r.feel(ctx)
			if ctx.Err() != nil || r.ended() {
				return false
			}
		case <-ticker.C:
			l := r.ask(ctx)
			if ctx.Err() != nil {
				return false
			}
			r.take(l)
			if r.ended() {
				return false
			}
			if each(l) {
				return true
			}
		}
	}
}

// feel asks only whether Prometheus is there.
func (r *run) feel(ctx context.Context) {
	asked := instant()
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	err := r.alive(ctx)
	r.gaps.note(namePrometheus, asked, err, r.ev.Moments.T0)
	r.ev.Watch.Gaps = r.gaps.list
}

// ended reports what was found since, and whether there is something that ends
// the observation. Before the first fault nothing does: the gates decide.
func (r *run) ended() bool {
	found := judge.During(&r.spec, &r.ev)
	for _, f := range found {
		r.journal.report(f.Record())
	}
	fresh := len(found) > r.knownFindings
	r.knownFindings = len(found)
	return fresh
}

// take adds a look to the evidence.
func (r *run) take(l look) {
	t0 := r.ev.Moments.T0
	step := prom.Window{Start: l.t, End: l.t, Step: r.spec.Timing.Scrape.Duration()}
	for i, s := range r.spec.SLOs {
		tl := r.tallies[i]
		if l.errs[s.Name] == nil && !tl.addRange(l.counts[i], step, t0) {
			l.errs[s.Name] = prom.ErrNoData
		}
		r.ev.Series.Counts[i].Steps = tl.steps
	}
	for i, v := range r.spec.Values {
		value := result.Value{T: l.t, V: result.Number(l.values[i])}
		if err := l.errs[v.Name]; err != nil {
			value = result.Value{T: l.t, Kind: queryTrouble(err).Kind}
		}
		vs := &r.ev.Series.Values[i]
		vs.Steps = append(vs.Steps, value)
	}
	if l.errs[namePods] == nil {
		r.takePods(l)
	}
	r.takeRules(l)
	for name, err := range l.errs {
		r.gaps.note(name, l.t, err, t0)
	}
	r.gaps.sort()
	r.ev.Watch.Gaps = r.gaps.list
	r.ev.Watch.Last = &l.t
	r.journal.emit(result.Event{Type: result.EventSample, Samples: judge.Progress(&r.spec, &r.ev, l.t, func(name string) bool { return l.errs[name] == nil })})
	r.followAlerts(l)
	if t0 == nil {
		return
	}
	r.takeDelivery(l)
	for i, b := range r.spec.Instrument {
		if l.errs[b.Name] == nil {
			r.ev.Watch.Instrument = judge.Worse(r.ev.Watch.Instrument, b, result.Extreme{Name: b.Name, Value: result.Number(l.instrument[i]), At: l.t})
		}
	}
	for i, rail := range r.spec.Rails {
		for j, s := range r.spec.SLOs {
			if s.Name != rail.SLO {
				continue
			}
			if reading, ok := judge.ReadRail(&r.spec, i, r.tallies[j].steps, l.t); ok {
				r.ev.Watch.Rails = judge.Hotter(&r.spec, r.ev.Watch.Rails, reading)
			}
		}
	}
}

// takePods prolongs what was seen of each workload, or begins a new span when it changed.
func (r *run) takePods(l look) {
	for _, p := range l.pods {
		spans := r.ev.Series.Health
		prolonged := false
		for i := len(spans) - 1; i >= 0; i-- {
			if spans[i].Workload == p.Workload {
				if spans[i].Pods == p && l.t.Sub(spans[i].To) < judge.Blindness {
					spans[i].To, prolonged = l.t, true
				}
				break
			}
		}
		if !prolonged {
			r.ev.Series.Health = append(spans, result.HealthSpan{Pods: p, From: l.t, To: l.t})
		}
	}
}

// followAlerts reports what changed since the last look.
func (r *run) followAlerts(l look) {
	if l.errs[nameAlerts] != nil {
		return
	}
	now := map[string]result.ActiveAlert{}
	for _, a := range l.alerts {
		id := alertID(a)
		now[id] = a
		if before, ok := r.alerts[id]; !ok || before.State != a.State {
			r.journal.emit(result.Event{Type: result.EventAlert, Alert: a.Name, State: a.State})
		}
		if a.State == judge.StateFiring && r.ev.Moments.T0 != nil {
			r.fired[id] = a
		}
	}
	for id, a := range r.alerts {
		if _, still := now[id]; !still {
			r.journal.emit(result.Event{Type: result.EventAlert, Alert: a.Name, State: "resolved"})
		}
	}
	r.alerts = now
}
