package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// The names of what is looked at beside the assertions.
const (
	nameAlerts     = "alerts"
	namePods       = "pods of the target"
	namePrometheus = "Prometheus"
	nameRules      = "rules of the alerts"
	nameDelivery   = "Alertmanager"
)

// lookTimeout bounds one look: a slower answer says nothing about now.
const lookTimeout = 2 * time.Second

// look is the answers to every question at one time.
type look struct {
	t          time.Time
	counts     [][]prom.Series // in the order of the spec's SLOs
	values     []float64       // in the order of the spec's values
	instrument []float64
	alerts     []result.ActiveAlert
	pods       []result.Pods
	rules      []prom.RuleGroup
	heartbeats map[string]time.Duration // where there is no rules API
	notices    []noticed
	errs       map[string]error // by name; an answer has none
}

// ask asks every question about the time given, which is now, all side by side. It blocks
// for lookTimeout at most, or until ctx ends.
func (r *run) ask(ctx context.Context, now time.Time) look {
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	l := look{
		t: now, counts: make([][]prom.Series, len(r.spec.SLOs)),
		values: make([]float64, len(r.spec.Values)), instrument: make([]float64, len(r.spec.Instrument)), errs: map[string]error{},
	}
	at := prom.Window{Start: l.t, End: l.t, Step: r.spec.Timing.Scrape.Duration()}
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		panicked atomic.Value
	)
	ask := func(name string, question func() error) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panicked.Store(fmt.Sprint(p))
				}
			}()
			err := question()
			mu.Lock()
			defer mu.Unlock()
			l.errs[name] = err
		})
	}
	for i, s := range r.spec.SLOs {
		ask(s.Name, func() (err error) {
			l.counts[i], err = r.querier.Range(ctx, eventsExpr(s, r.spec.Timing.Scrape.Duration()), at)
			return err
		})
	}
	number := func(b result.Bounded, into *float64) {
		ask(b.Name, func() error {
			got, err := r.querier.Instant(ctx, b.PromQL, l.t)
			*into = got.V
			return err
		})
	}
	for i, v := range r.spec.Values {
		number(v, &l.values[i])
	}
	for i, b := range r.spec.Instrument {
		number(b, &l.instrument[i])
	}
	ask(nameAlerts, func() error {
		series, err := r.querier.Range(ctx, alertsExpr, at)
		l.alerts = activeAlerts(series)
		if errors.Is(err, prom.ErrNoData) {
			return nil // no alert is active
		}
		return err
	})
	ask(namePods, func() error {
		pods, err := r.cfg.Target.Health(ctx, r.plan)
		l.pods = podsOf(pods)
		return err
	})
	switch rules := r.ev.Before.Rules; {
	case rules == nil:
	case rules.Unknown:
		ask(nameRules, func() (err error) { l.heartbeats, err = r.querier.Heartbeats(ctx); return err })
	default:
		ask(nameRules, func() (err error) { l.rules, err = r.querier.Rules(ctx); return err })
	}
	l.notices = r.undelivered()
	for i := range l.notices {
		// Its errors are kept apart: without Alertmanager a run goes on.
		ask(nameDelivery, func() error { r.askDelivery(ctx, &l.notices[i]); return nil })
	}
	ask(namePrometheus, func() error { return r.alive(ctx, now) })
	wg.Wait()
	if p := panicked.Load(); p != nil {
		panic(p) // here, where it is contained and the faults are removed
	}
	return l
}

// alive asks the question that needs no data.
func (r *run) alive(ctx context.Context, now time.Time) error {
	_, err := r.querier.Instant(ctx, "time()", now)
	return err
}

// patience is how long a look may take. Under fault it ends when Prometheus has
// been silent for as long as a run goes on without it.
func (r *run) patience() time.Duration {
	left := r.gaps.left(namePrometheus, time.Now())
	if r.ev.Moments.T0 == nil || left <= 0 {
		return lookTimeout
	}
	return min(lookTimeout, left)
}

func podsOf(hs []fault.Health) []result.Pods {
	out := make([]result.Pods, 0, len(hs))
	for _, h := range hs {
		out = append(out, result.Pods{Workload: h.Workload, Wanted: h.Wanted, Ready: h.Ready, Autoscaled: h.Autoscaled, Waiting: h.Waiting})
	}
	return out
}

// blind returns why some question about the platform has no answer, or nil.
func (l look) blind(x *result.Spec) error {
	names := []string{namePods, nameAlerts}
	for _, s := range x.SLOs {
		names = append(names, s.Name)
	}
	for _, v := range x.Values {
		names = append(names, v.Name)
	}
	var errs []error
	for _, n := range names {
		if err := l.errs[n]; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n, err))
		}
	}
	return errors.Join(errs...)
}
