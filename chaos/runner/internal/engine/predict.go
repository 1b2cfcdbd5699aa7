package engine

import (
	"maps"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// predict adds when each alert's own arithmetic says that it fires, given the
// error ratio that was measured while the fault was in place.
func (r *run) predict(alerts []result.Alert) {
	if r.ev.Moments.T0 == nil || r.spec.Control {
		return
	}
	for i := range alerts {
		if judge.Predicts(&r.spec, alerts[i]) {
			continue // by what its errors were, and not by their ratio
		}
		for _, m := range r.cfg.Alerts {
			if m.Name == alerts[i].Name && sameTier(m, alerts[i].Labels) {
				r.predictOne(m, &alerts[i])
				break
			}
		}
	}
}

func (r *run) predictOne(m slo.AlertModel, a *result.Alert) {
	ratio := 1.0 // of an alert on a condition: it is simply true
	if m.SLO != "" {
		var ok bool
		if ratio, ok = judge.FaultRatio(&r.ev, m.SLO); !ok {
			return
		}
	}
	timing := r.cfg.sight()
	timing.History = r.youngHistory(m)
	lo, hi, ok := m.Predict(ratio, timing)
	if !ok {
		return
	}
	from, to := result.InSeconds(lo), result.InSeconds(hi)
	a.PredictedMin, a.PredictedMax = &from, &to
}

// youngHistory is how far the samples that a rule looks back at went back at t0, where
// that is less than its window; 0 where it is not, or nobody knows.
func (r *run) youngHistory(m slo.AlertModel) time.Duration {
	t0 := *r.ev.Moments.T0
	for _, h := range r.ev.Before.Histories {
		if h.Rule.Alert == m.Name && maps.Equal(h.Rule.Labels, m.Labels) && judge.Young(h, t0) {
			return h.Reaches.Duration() + t0.Sub(h.At)
		}
	}
	return 0
}

// sameTier says whether the model's own labels are those of the alert: one alert
// name may stand for several tiers.
func sameTier(m slo.AlertModel, labels map[string]string) bool {
	for k, v := range m.Labels {
		if have, ok := labels[k]; ok && have != v {
			return false
		}
	}
	return true
}
