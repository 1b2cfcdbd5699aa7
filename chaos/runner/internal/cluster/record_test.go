package cluster

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// object is one of Chaos Mesh's with this status, written as YAML.
func object(t *testing.T, status string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal([]byte("apiVersion: chaos-mesh.org/v1alpha1\nkind: PodChaos\nmetadata: {name: k, namespace: monitor}\n"+status), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// The statuses are what the controller writes; its own conditions say AllRecovered for
// some of those in which nothing was ever injected.
func TestTheBooksOfChaosMeshAreReadExactly(t *testing.T) {
	record := func(phase string, injected int, events string) string {
		return `status:
  conditions: [{type: AllRecovered, status: "True"}, {type: Selected, status: "True"}, {type: AllInjected, status: "True"}]
  experiment:
    desiredPhase: Run
    containerRecords:
    - {id: monitor/one, selectorKey: ".", phase: ` + phase + `, injectedCount: ` + string(rune('0'+injected)) + `, recoveredCount: 0, events: [` + events + `]}
`
	}
	failed := `{type: Failed, operation: Apply, message: no such device, timestamp: "2026-01-01T00:00:00Z"}`
	worked := `{type: Succeeded, operation: Apply, timestamp: "2026-01-01T00:00:01Z"}`
	undone := `{type: Failed, operation: Recover, message: cannot undo, timestamp: "2026-01-01T00:00:02Z"}`
	for name, tc := range map[string]struct {
		status          string
		known, injected bool
		says            string
	}{
		"injected":                                 {record("Injected", 1, worked), true, true, "has injected"},
		"injected, after a failure":                {record("Injected", 1, failed+", "+worked), true, true, "has injected"},
		"a phase that only begins like injected":   {record("Injected/Wait", 1, worked), true, false, "not injected it yet: Injected/Wait"},
		"a phase that ends like injected":          {record("Not Injected/Wait", 0, ""), true, false, "not injected it yet: Not Injected/Wait"},
		"injected by name, and never done":         {record("Injected", 0, ""), true, false, "not injected it yet"},
		"failed":                                   {record("Not Injected", 0, failed), true, false, "no such device"},
		"failed at last, after a success":          {record("Not Injected", 1, worked+", "+failed), true, false, "no such device"},
		"a failure to undo is none to inject":      {record("Not Injected", 0, undone), true, false, "not injected it yet"},
		"its duration is over":                     {strings.Replace(record("Not Injected", 1, worked), "desiredPhase: Run", "desiredPhase: Stop", 1), true, false, "its duration is over"},
		"another pod than was planned":             {strings.Replace(record("Injected", 1, worked), "monitor/one", "monitor/two", 1), false, false, "left this target out"},
		"the far end of the traffic":               {strings.Replace(record("Injected", 1, worked), `selectorKey: "."`, "selectorKey: .Target", 1), false, false, "left this target out"},
		"nothing selected":                         {`status: {conditions: [{type: Selected, status: "False"}], experiment: {desiredPhase: Run}}`, false, false, "selected no target"},
		"not looked at yet":                        {"", false, false, "is its controller running"},
		"a status without an experiment":           {"status: {}", false, false, "is its controller running"},
		"an empty list of records, nothing chosen": {`status: {experiment: {containerRecords: []}}`, false, false, "is its controller running"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := readBooks(object(t, tc.status))
			if err != nil {
				t.Fatal(err)
			}
			got := b.of("monitor/one")
			if got.known != tc.known || got.injected != tc.injected || !strings.Contains(got.text, tc.says) {
				t.Errorf("%+v", got)
			}
		})
	}
	if _, err := readBooks(object(t, "status: {experiment: 7}")); err == nil || !strings.Contains(err.Error(), "PodChaos k") {
		t.Errorf("a status of another form: %v", err)
	}
}
