package app

import (
	"math"
	"testing"
)

func TestConnectionsFitIntoTheDescriptors(t *testing.T) {
	for name, tc := range map[string]struct {
		descriptors         uint64
		wanted              int
		connections, refuse int
	}{
		"plenty":             {1 << 20, 1024, 1024, maxRefusals},
		"no limit":           {math.MaxUint64, 1024, 1024, maxRefusals},
		"a usual soft limit": {1024, 1024, 1024 - reserved - maxRefusals, maxRefusals},
		"few":                {64, 1024, 30, 10},
		"few, but enough":    {64, 8, 8, 10},
		"fewer are wanted":   {1024, 1, 1, maxRefusals},
		"hardly any":         {16, 1024, minConnections, 1},
	} {
		connections, refusals := capsWithin(tc.descriptors, tc.wanted)
		if connections != tc.connections || refusals != tc.refuse {
			t.Errorf("%s: %d connections and %d refusals, want %d and %d", name, connections, refusals, tc.connections, tc.refuse)
		}
	}
}
