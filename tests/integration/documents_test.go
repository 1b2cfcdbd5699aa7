//go:build integration && linux

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// phases are an experiment's, as short as a judgement allows, for these tests
// are about the program and not about the platform.
type phases struct{ baseline, observe, recover int } // seconds

// The baseline is the time that the runner's own instrument needs to be trusted.
var short = phases{baseline: 8, observe: 4, recover: 20}

// variant is a fault with the phases around it.
type variant struct {
	name   string
	object string // the Chaos Mesh object from its kind on; %s is its name
	phases phases
	abort  string // guard rails, empty for none
	expect string // alerts that must fire, empty for none
}

const everyMonitor = "selector: {labelSelectors: {app.kubernetes.io/name: monitor}}"

var (
	podKill = variant{name: "pod-kill", phases: short, object: `PodChaos
metadata: {name: %s}
spec: {action: pod-kill, mode: one, gracePeriod: 0, ` + everyMonitor + `}`}
	podFailure = variant{name: "pod-failure", phases: short, object: `PodChaos
metadata: {name: %s}
spec: {action: pod-failure, mode: one, ` + everyMonitor + `}`}
	partition = variant{name: "network-partition", phases: short, object: `NetworkChaos
metadata: {name: %s}
spec: {action: partition, mode: one, direction: both, ` + everyMonitor + `}`}
	memoryStress = variant{name: "memory-stress", phases: short, object: `StressChaos
metadata: {name: %s}
spec:
  mode: one
  ` + everyMonitor + `
  stressors: {memory: {workers: 1, size: 32MB}}`}
	cpuStress = variant{name: "cpu-stress", phases: short, object: `StressChaos
metadata: {name: %s}
spec:
  mode: one
  ` + everyMonitor + `
  stressors: {cpu: {workers: 1, load: 10}}`}
	// outage trips its guard rail within two seconds.
	outage = variant{name: "outage", phases: phases{baseline: 8, observe: 15, recover: 20}, object: `PodChaos
metadata: {name: %s}
spec: {action: pod-failure, mode: all, ` + everyMonitor + `}`, abort: "[{ref: monitor-availability, burnRate: 500, for: 2s}]"}
)

// document writes the experiment into a directory of its own and returns its path.
func document(t *testing.T, v variant) string {
	t.Helper()
	return into(t, t.TempDir(), v)
}

func into(t *testing.T, dir string, v variant) string {
	t.Helper()
	if v.abort == "" {
		v.abort = "[]"
	}
	if v.expect == "" {
		v.expect = "[]"
	}
	text := fmt.Sprintf(`apiVersion: ballast.dev/v1alpha1
kind: Experiment
metadata: {name: %[1]s, labels: {app: monitor, fault: %[1]s}}
spec:
  hypothesis: The runner does its work whatever happens to it.
  baseline: %ds
  observe: %ds
  recover: %ds
  slos: [{ref: monitor-availability}]
  abort: %s
  alerts: {expect: %s}
---
apiVersion: chaos-mesh.org/v1alpha1
kind: `, v.name, v.phases.baseline, v.phases.observe, v.phases.recover, v.abort, v.expect) + fmt.Sprintf(v.object, v.name) + "\n"
	path := filepath.Join(dir, v.name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
