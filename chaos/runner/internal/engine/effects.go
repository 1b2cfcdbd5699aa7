package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
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
	answers <-chan measurement
	plan    fault.Plan
	seen    map[string]fault.Effect
	err     error
}

func (m *measuring) take(a measurement) bool {
	m.err = a.err
	for _, e := range a.effects {
		key := e.Fault + " " + e.Target.ID()
		if before, ok := m.seen[key]; !ok || !before.Shown {
			m.seen[key] = e
		}
	}
	for _, f := range m.plan.Faults {
		for _, t := range f.Targets {
			if !m.seen[f.Fault.ID()+" "+t.ID()].Shown {
				return false
			}
		}
	}
	return true
}

// measure polls the target until every target of the plan shows its effect, and
// meanwhile watches. It returns what was seen, and whether that is everything.
func (r *run) measure(ctx context.Context, until time.Time, p fault.Plan) (*measuring, bool) {
	polling, cancel := context.WithDeadline(ctx, until)
	answers := make(chan measurement)
	var poller sync.WaitGroup
	poller.Go(func() {
		for polling.Err() == nil {
			select {
			case answers <- r.effects(polling, p):
			case <-polling.Done():
			}
			pause(polling, 200*time.Millisecond)
		}
	})
	// The target is asked by one goroutine at a time: the poller has ended before
	// anything else is asked of it.
	defer poller.Wait()
	defer cancel()
	m := &measuring{answers: answers, plan: p, seen: map[string]fault.Effect{}}
	done := r.watch(ctx, until, m, func(view) bool { return false })
	return m, done
}

// effects asks the target once.
func (r *run) effects(ctx context.Context, p fault.Plan) (m measurement) {
	m.err = contained(func() (err error) { m.effects, err = r.cfg.Target.Effects(ctx, p); return err })
	return m
}

// recordEffects keeps the measurements for the evidence.
func (r *run) recordEffects(m *measuring) {
	for _, f := range r.plan.Faults {
		for _, t := range f.Targets {
			e, ok := m.seen[f.Fault.ID()+" "+t.ID()]
			if !ok {
				continue
			}
			re := result.Effect{Fault: e.Fault, Target: e.Target.ID(), Injected: e.Injected, Shown: e.Shown, Observed: e.Observed, At: e.At}
			r.res.Effects = append(r.res.Effects, re)
			r.emit(result.Event{Type: result.EventEffect, Effect: &re})
		}
	}
}

// unconfirmed names why not everything was shown: nothing or only a part was
// injected, or what was injected did not show.
func unconfirmed(m *measuring, p fault.Plan) (result.Reason, string) {
	var injected, missing int
	var details []string
	for _, f := range p.Faults {
		for _, t := range f.Targets {
			e, ok := m.seen[f.Fault.ID()+" "+t.ID()]
			switch {
			case !ok:
				missing++
				details = append(details, fmt.Sprintf("%s on %s: not measured", f.Fault.ID(), t.ID()))
			case e.Shown:
				injected++
			case e.Injected:
				injected++
				details = append(details, fmt.Sprintf("%s on %s does not show: %s", f.Fault.ID(), t.ID(), e.Observed))
			default:
				missing++
				details = append(details, fmt.Sprintf("%s on %s was not injected: %s", f.Fault.ID(), t.ID(), e.Observed))
			}
		}
	}
	if m.err != nil {
		details = append(details, m.err.Error())
	}
	detail := strings.Join(details, "; ")
	switch {
	case m.err != nil && len(m.seen) == 0:
		return targetReason(m.err, result.NotConfirmed), detail
	case missing == 0:
		return result.NotConfirmed, detail
	case injected > 0:
		return result.PartialInjection, detail
	case len(m.seen) > 0:
		return result.NotInjected, detail
	}
	return result.NotConfirmed, detail
}
