package engine

import (
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
	lo, hi, ok := m.Predict(ratio, r.cfg.sight())
	if !ok {
		return
	}
	from, to := result.InSeconds(lo), result.InSeconds(hi)
	a.PredictedMin, a.PredictedMax = &from, &to
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
