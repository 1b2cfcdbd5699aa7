package git

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// drift counts what Argo CD healed: syncs that it began by itself because the cluster was not
// as git says any more, and that succeeded. Argo CD's own metrics do not tell them from deploys.
// It counts those of each revision in its applications, so that none is missed between two looks.
type drift struct {
	healed *prometheus.CounterVec
	seen   map[string]heals // by application
}

// heals are the syncs that healed an application while it was to run a revision.
type heals struct {
	revision string
	count    int
}

func newDrift() *drift {
	return &drift{
		healed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ballast_drift_healed_total",
			Help: "Syncs that Argo CD began by itself because the cluster was not as git says, and that succeeded.",
		}, []string{"application"}),
		seen: map[string]heals{},
	}
}

// look counts what was healed since the last look. What happened before the first one, of the
// program or of an application, is not known and not counted.
func (d *drift) look(apps []application) {
	for _, a := range apps {
		name, now := a.Metadata.Name, a.heals()
		before, known := d.seen[name]
		d.seen[name] = now
		n := now.count
		switch {
		case !known:
			n = 0
		case before.revision == now.revision:
			n = max(0, n-before.count)
		}
		d.healed.WithLabelValues(name).Add(float64(n)) // also 0: increases are seen from 0 on only
	}
}

// heals are those of the last operation's revision. One that has not succeeded yet has healed
// nothing.
func (a application) heals() heals {
	o := a.Status.OperationState
	if o == nil || o.Operation.Sync == nil {
		return heals{}
	}
	s := o.Operation.Sync
	h := heals{revision: strings.Join(append([]string{s.Revision}, s.Revisions...), " "), count: s.AutoHealAttemptsCount}
	if h.count > 0 && o.Phase != "Succeeded" {
		h.count--
	}
	return h
}
