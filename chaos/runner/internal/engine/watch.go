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

// next is the next time after now that is a multiple of every. Runs that are side by side
// so look at the same instants, and their Prometheus is asked once for all of them.
func next(now time.Time, every time.Duration) time.Time { return now.Truncate(every).Add(every) }

// until is how long to wait for that time. It is at most the interval: a clock may be set
// back.
func until(at time.Time, every time.Duration) time.Duration { return min(time.Until(at), every) }

// due is the instant to ask about, once the wait for it is over. It is now where the clock
// was set or the machine slept.
func due(at time.Time, every time.Duration) time.Time {
	if now := instant(); at.After(now) || now.Sub(at) > every {
		return now
	}
	return at
}

// watch looks every tick until the last time given, until each returns true (then it
// returns true), until ctx ends, or until something is found that ends the
// observation. side, when not nil, delivers what another goroutine has done meanwhile, to be
// taken by this one, which returns true when that does.
func (r *run) watch(ctx context.Context, last time.Time, side <-chan func() bool, each func(look) bool) bool {
	looking := next(instant(), r.tick())
	tick := time.NewTimer(until(looking, r.tick()))
	defer tick.Stop()
	feeling := next(instant(), pulse)
	beat := time.NewTimer(until(feeling, pulse))
	defer beat.Stop()
	end := time.NewTimer(time.Until(last))
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return false
		case take := <-side:
			if take() {
				return true
			}
		case <-beat.C:
			at := due(feeling, pulse)
			feeling = next(instant(), pulse)
			beat.Reset(until(feeling, pulse))
			if r.tick() <= pulse || r.ev.Moments.T0 == nil {
				continue // the looks are as frequent, or there is no fault to end
			}
			r.feel(ctx, at)
			if ctx.Err() != nil || r.ended() {
				return false
			}
		case <-tick.C:
			l := r.ask(ctx, due(looking, r.tick()))
			looking = next(instant(), r.tick())
			tick.Reset(until(looking, r.tick()))
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

// feel asks only whether Prometheus is there at the time given, which is now.
func (r *run) feel(ctx context.Context, asked time.Time) {
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	err := r.alive(ctx, asked)
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
