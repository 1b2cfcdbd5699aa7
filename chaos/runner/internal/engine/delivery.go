package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// Delivery says where the alerts of Prometheus go, so that one which fires can be followed
// there.
type Delivery struct {
	// From names the Alertmanager that Notices asks, for a reader.
	From string
	// Notices returns the alerts with these labels that Alertmanager has; nil where it
	// cannot be asked. It respects ctx, and is called beside itself.
	Notices func(ctx context.Context, labels map[string]string) ([]prom.Notice, error)
	// None says why nobody is asked: there is no Alertmanager, or it is not wanted.
	None string
	// Trouble is why an Alertmanager that there is cannot be asked.
	Trouble error
}

// begin is what is known before anything fires; nil for the zero value.
func (d Delivery) begin() *result.Delivery {
	if d.From == "" && d.None == "" && d.Trouble == nil {
		return nil
	}
	return &result.Delivery{From: d.From, None: result.Redact(d.None), Trouble: troubleWith(d.Trouble)}
}

// asksDelivery says whether alerts that fire are looked for at Alertmanager.
func (r *run) asksDelivery() bool { return r.cfg.Delivery.Notices != nil && !r.spec.Control }

// noticed is one answer of Alertmanager.
type noticed struct {
	about   result.Delivered
	notices []prom.Notice
	err     error
}

// deliveryTimeout bounds one question: looks must not wait for an Alertmanager that is
// silent.
const deliveryTimeout = time.Second

// undelivered are the questions of the next look: the expected alerts that fired when it
// was looked last, and that Alertmanager was not seen to have.
func (r *run) undelivered() []noticed {
	if !r.asksDelivery() || r.ev.Moments.T0 == nil {
		return nil
	}
	var out []noticed
	for _, d := range r.ev.Delivery.Alerts {
		if d.Seen == nil && fires(r.alerts, d) {
			out = append(out, noticed{about: d})
		}
	}
	return out
}

// fires says whether an alert is firing among those that are active.
func fires(active map[string]result.ActiveAlert, d result.Delivered) bool {
	a, ok := active[alertID(result.ActiveAlert{Name: d.Name, Labels: d.Labels})]
	return ok && a.State == judge.StateFiring
}

// askDelivery asks for alerts of the name alone: relabelling may have changed the other
// labels on the way.
func (r *run) askDelivery(ctx context.Context, n *noticed) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	n.notices, n.err = r.cfg.Delivery.Notices(ctx, map[string]string{nameLabel: n.about.Name})
}

// takeDelivery adds the answers of Alertmanager to the evidence, and every expected alert
// that fires to what is asked about.
func (r *run) takeDelivery(l look) {
	if !r.asksDelivery() {
		return
	}
	known := r.ev.Delivery.Alerts
	index := func(name string, labels map[string]string) int {
		return slices.IndexFunc(known, func(d result.Delivered) bool { return d.Name == name && maps.Equal(d.Labels, labels) })
	}
	for _, n := range l.notices {
		d := &known[index(n.about.Name, n.about.Labels)]
		d.Trouble = queryTrouble(n.err)
		if n.err != nil {
			continue
		}
		for _, notice := range n.notices {
			at := notice.StartsAt.UTC().Truncate(time.Millisecond)
			if c := r.ev.Before.Clock; c != nil {
				at = at.Add(-c.Ahead.Duration())
			}
			if d.Seen == nil && judge.Delivers(&r.spec, r.ev.Moments, *d, notice.Labels, at) {
				d.Seen, d.StartsAt = &l.t, &at
			}
		}
		if d.Seen == nil && l.errs[nameAlerts] == nil && fires(r.alerts, *d) {
			d.Lacking = &l.t
		}
	}
	for _, a := range l.alerts {
		if a.State == judge.StateFiring && judge.Expected(&r.spec, a) && index(a.Name, a.Labels) < 0 {
			known = append(known, result.Delivered{Name: a.Name, Labels: a.Labels})
			if r.firedAt == nil {
				r.firedAt = map[string]time.Time{}
			}
			r.firedAt[alertID(a)] = l.t
		}
	}
	r.ev.Delivery.Alerts = known
}

// deliverySettled says whether Alertmanager had the time to hear of every alert that fires.
func (r *run) deliverySettled(now time.Time) bool {
	if !r.asksDelivery() {
		return true
	}
	return !slices.ContainsFunc(r.ev.Delivery.Alerts, func(d result.Delivered) bool {
		fired := r.firedAt[alertID(result.ActiveAlert{Name: d.Name, Labels: d.Labels})]
		return fires(r.alerts, d) && judge.Undelivered(d, fired, now)
	})
}
