package judge

import (
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// The judge imports no client of Prometheus, and still names its series.
func TestAMissingHeartbeatIsNamedAsPrometheusRecordsIt(t *testing.T) {
	got := withoutHeartbeat(&result.Rules{Wanted: []result.RuleID{{Alert: "Down", Group: "replicas"}}})
	if len(got) != 1 || !strings.Contains(got[0].Detail, prom.Heartbeat) {
		t.Errorf("%+v does not name %s", got, prom.Heartbeat)
	}
}
