package cluster

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// lostIn lists the fields of a value that an answer does not have as they were sent, by
// their paths below at. What the answer has beside them are defaults.
func lostIn(at string, sent, got any) []string {
	switch s := sent.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			if len(s) == 0 {
				return nil // an empty map may be left out
			}
			return []string{at}
		}
		var lost []string
		for _, key := range slices.Sorted(maps.Keys(s)) {
			lost = append(lost, lostIn(at+"."+key, s[key], g[key])...)
		}
		return lost
	case []any:
		g, ok := got.([]any)
		if len(s) == 0 && (got == nil || ok && len(g) == 0) {
			return nil
		}
		if !ok || len(g) != len(s) {
			return []string{at}
		}
		var lost []string
		for i := range s {
			lost = append(lost, lostIn(fmt.Sprintf("%s[%d]", at, i), s[i], g[i])...)
		}
		return lost
	case nil:
		return nil
	}
	if !sameScalar(sent, got) {
		return []string{at}
	}
	return nil
}

// sameScalar compares two scalars. JSON has one kind of number, Go has several.
func sameScalar(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	number := reflect.TypeFor[float64]()
	if x.IsValid() && y.IsValid() && x.CanConvert(number) && y.CanConvert(number) {
		return x.Convert(number).Float() == y.Convert(number).Float()
	}
	return a == b
}

// acceptedAs compares what the API server would store with what was sent. Definitions of
// another version of Chaos Mesh, and webhooks, may take a field away or change it: without
// selector.pods a fault would hit every pod of its namespace. The error wraps
// [fault.ErrNotInjectable].
func acceptedAs(sent, got map[string]any) error {
	lost := lostIn("spec", sent["spec"], got["spec"])
	if len(lost) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the cluster would not keep %v as they are: its definitions are of another version of Chaos Mesh, or a webhook changes them; install the version that ballast was built with, see its go.mod",
		fault.ErrNotInjectable, lost)
}
