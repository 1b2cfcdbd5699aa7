package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestAcceptedAs(t *testing.T) {
	pods := func() map[string]any { return map[string]any{"monitor": []any{"monitor-0"}} }
	for sentence, tt := range map[string]struct {
		sent, got map[string]any
		lost      string
	}{
		"what is kept is accepted": {
			sent: map[string]any{"mode": "all", "selector": map[string]any{"pods": pods()}},
			got:  map[string]any{"mode": "all", "selector": map[string]any{"pods": pods()}},
		},
		"defaults beside it are accepted": {
			sent: map[string]any{"mode": "all"},
			got:  map[string]any{"mode": "all", "duration": "30s"},
		},
		"an empty map or list that is left out is accepted": {
			sent: map[string]any{"selector": map[string]any{"labelSelectors": map[string]any{}}, "externalTargets": []any{}},
			got:  map[string]any{"selector": map[string]any{}},
		},
		"a pruned list of pods would hit every pod": {
			sent: map[string]any{"mode": "all", "selector": map[string]any{"pods": pods()}},
			got:  map[string]any{"mode": "all", "selector": map[string]any{}},
			lost: "spec.selector.pods",
		},
		"another pod in the list is another fault": {
			sent: map[string]any{"selector": map[string]any{"pods": pods()}},
			got:  map[string]any{"selector": map[string]any{"pods": map[string]any{"monitor": []any{"monitor-1"}}}},
			lost: "spec.selector.pods.monitor[0]",
		},
		"a pod more in the list is another fault": {
			sent: map[string]any{"selector": map[string]any{"pods": pods()}},
			got:  map[string]any{"selector": map[string]any{"pods": map[string]any{"monitor": []any{"monitor-0", "monitor-1"}}}},
			lost: "spec.selector.pods.monitor",
		},
		"a changed number is another fault": {
			sent: map[string]any{"stressors": map[string]any{"cpu": map[string]any{"load": int64(80)}}},
			got:  map[string]any{"stressors": map[string]any{"cpu": map[string]any{"load": int64(100)}}},
			lost: "spec.stressors.cpu.load",
		},
		"a whole number that comes back as a float is the same": {
			sent: map[string]any{"load": float64(80), "value": int64(3)},
			got:  map[string]any{"load": int64(80), "value": float64(3)},
		},
		"each change is named": {
			sent: map[string]any{"mode": "all", "action": "partition"},
			got:  map[string]any{},
			lost: "spec.action spec.mode",
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := acceptedAs(map[string]any{"spec": tt.sent}, map[string]any{"spec": tt.got})
			if tt.lost == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, fault.ErrNotInjectable) || !strings.Contains(err.Error(), "["+tt.lost+"]") {
				t.Errorf("got %v, want one that names %s", err, tt.lost)
			}
		})
	}
}
