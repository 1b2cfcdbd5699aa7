package git

import (
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// synced is an application after a sync: of which revision, the how many-eth by itself, and how
// it ended.
func synced(revision string, heals int, phase string) application {
	var a application
	a.Metadata.Name = "shop"
	text := strings.NewReplacer("REVISION", revision, "HEALS", string(rune('0'+heals)), "PHASE", phase).Replace(`{"kind": "ApplicationList", "items": [{
  "metadata": {"name": "shop"},
  "status": {"operationState": {"phase": "PHASE", "operation": {"sync": {"revisions": ["REVISION", "x"], "autoHealAttemptsCount": HEALS}}}}}]}`)
	apps, err := readApplications([]byte(text))
	if err != nil || len(apps) != 1 {
		panic(err)
	}
	return apps[0]
}

func TestWhatWasHealedIsCountedOnce(t *testing.T) {
	const ok = "Succeeded"
	for name, tt := range map[string]struct {
		looks []application
		want  float64
	}{
		"nothing, as nothing drifted":               {[]application{synced("a", 0, ok), synced("a", 0, ok)}, 0},
		"a deploy is none":                          {[]application{synced("a", 0, ok), synced("b", 0, ok)}, 0},
		"one":                                       {[]application{synced("a", 0, ok), synced("a", 1, ok), synced("a", 1, ok)}, 1},
		"two between two looks":                     {[]application{synced("a", 1, ok), synced("a", 3, ok)}, 2},
		"what was before the first look is not":     {[]application{synced("a", 5, ok)}, 0},
		"one that still runs is none yet":           {[]application{synced("a", 0, ok), synced("a", 1, "Running")}, 0},
		"one that runs and then succeeds":           {[]application{synced("a", 0, ok), synced("a", 1, "Running"), synced("a", 1, ok)}, 1},
		"one that failed is none":                   {[]application{synced("a", 0, ok), synced("a", 1, "Failed")}, 0},
		"of a new revision all":                     {[]application{synced("a", 2, ok), synced("b", 1, ok)}, 1},
		"an application that was not synced yet":    {[]application{{}, synced("a", 0, ok)}, 0},
		"one that Argo CD counts anew from nothing": {[]application{synced("a", 3, ok), synced("a", 0, ok), synced("a", 1, ok)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrift()
			for _, a := range tt.looks {
				a.Metadata.Name = "shop"
				d.look([]application{a})
			}
			var m dto.Metric
			if err := d.healed.WithLabelValues("shop").Write(&m); err != nil {
				t.Fatal(err)
			}
			if got := m.GetCounter().GetValue(); got != tt.want {
				t.Errorf("%v were healed, want %v", got, tt.want)
			}
		})
	}
}

func TestDriftIsSeenWhileNoPushWaits(t *testing.T) {
	measured(t, func(t *testing.T, l *Lead, a *argocd) {
		time.Sleep(idleEvery + lookEvery)
		l.want(t, `ballast_drift_healed_total{application="shop"} 0`)
		a.heals(2)
		time.Sleep(idleEvery + lookEvery)
		l.want(t, `ballast_drift_healed_total{application="shop"} 2`)
	})
}
