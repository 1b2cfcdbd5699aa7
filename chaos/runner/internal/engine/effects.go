package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// measurement is one answer of the target about its effects.
type measurement struct {
	effects []fault.Effect
	err     error
}

// measuring collects measurements until every target of a plan has shown its
// fault. What has been shown once stays shown: loss is a matter of chance.
type measuring struct {
	plan    *result.Plan
	stage   result.Stage
	faults  []string
	effects map[string]result.Effect
	err     error
}

func effectKey(faultID, target string) string { return faultID + " " + target }

func (m *measuring) take(a measurement) bool {
	m.err = a.err
	for _, e := range a.effects {
		key := effectKey(e.Fault, e.Target.ID())
		if before, ok := m.effects[key]; !ok || !before.Shown {
			m.effects[key] = result.Effect{
				Fault: e.Fault, Target: e.Target.ID(), Injected: e.Injected, Shown: e.Shown, Observed: e.Observed, Unfelt: e.Unfelt, At: e.At.UTC().Round(0),
			}
		}
	}
	return judge.Complete(m.plan, m.record())
}

// record is the measurement in the order of the plan.
func (m *measuring) record() result.Shown {
	s := result.Shown{Stage: m.stage, Faults: m.faults, Trouble: troubleWith(m.err)}
	for _, f := range m.plan.Faults {
		if !slices.Contains(m.faults, f.Fault) {
			continue
		}
		for _, t := range f.Targets {
			if e, ok := m.effects[effectKey(f.Fault, t)]; ok {
				s.Effects = append(s.Effects, e)
			}
		}
	}
	return s
}

// measure polls the target until every target of the faults shows its effect, and
// meanwhile watches. It adds what was shown to the evidence, and returns whether
// that is everything.
func (r *run) measure(ctx context.Context, until time.Time, stage result.Stage, faults []string) bool {
	known := r.knownFindings
	p := fault.Plan{Run: r.plan.Run}
	for _, f := range r.plan.Faults {
		if slices.Contains(faults, f.Fault.ID()) {
			p.Faults = append(p.Faults, f)
		}
	}
	m := &measuring{plan: r.ev.Plan, stage: stage, faults: faults, effects: map[string]result.Effect{}}
	done := r.poll(ctx, until, p, m)
	shown := m.record()
	shown.Expired = !done && ctx.Err() == nil && r.knownFindings == known
	r.ev.Effects = append(r.ev.Effects, shown)
	for i := range shown.Effects {
		r.journal.emit(result.Event{Type: result.EventEffect, Effect: &shown.Effects[i]})
	}
	if r.stopped(ctx) || r.ended() {
		return false
	}
	return done
}

// poll asks for the effects of p every so often and watches.
func (r *run) poll(ctx context.Context, until time.Time, p fault.Plan, m *measuring) bool {
	polling, cancel := context.WithDeadline(ctx, until)
	answers := make(chan func() bool)
	var poller sync.WaitGroup
	poller.Go(func() {
		for polling.Err() == nil {
			answer := r.effects(polling, p)
			select {
			case answers <- func() bool { return m.take(answer) }:
			case <-polling.Done():
			}
			pause(polling, 200*time.Millisecond)
		}
	})
	// The poller has ended before anything else is asked of the target.
	defer poller.Wait()
	defer cancel()
	return r.watch(ctx, until, answers, func(look) bool { return false })
}

// effects asks the target once.
func (r *run) effects(ctx context.Context, p fault.Plan) (m measurement) {
	m.err = contained(func() (err error) { m.effects, err = r.cfg.Target.Effects(ctx, p); return err })
	return m
}

// confirm waits until every selected target shows its effect.
func (r *run) confirm(ctx context.Context) bool {
	deadline := time.Now().Add(r.spec.Timing.Confirm.Duration())
	r.journal.enter(result.Confirm, deadline)
	if !r.spec.Control {
		all := make([]string, 0, len(r.ev.Plan.Faults))
		for _, f := range r.ev.Plan.Faults {
			all = append(all, f.Fault)
		}
		if !r.measure(ctx, deadline, result.StageConfirm, all) {
			return false
		}
	}
	t1 := instant()
	r.ev.Moments.T1 = &t1
	return true
}

// again is how long the second measurement may take: as long as the first, as a target
// may have to wait for another reading.
func (e *Engine) again() time.Duration { return judge.Remeasure + e.cfg.ConfirmTimeout }

// stillThere measures faults again, now.
func (r *run) stillThere(ctx context.Context, d judge.Due) bool {
	return r.measure(ctx, time.Now().Add(r.again()), result.StageHold, d.Faults)
}
