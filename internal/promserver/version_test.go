package promserver

import (
	"runtime/debug"
	"testing"
)

func TestVersionIsThatOfTheRelease(t *testing.T) {
	const library = "github.com/prometheus/prometheus"
	for module, want := range map[string]string{
		"v0.315.0": "3.15.0", "v0.304.2": "3.4.2", "v0.300.0": "3.0.0", "(devel)": "3.0.0", "v1.2.3": "3.0.0",
	} {
		got := version(&debug.BuildInfo{Deps: []*debug.Module{{Path: "other", Version: "v9.9.9"}, {Path: library, Version: module}}})
		if got != want {
			t.Errorf("version of %s is %s, want %s", module, got, want)
		}
	}
	replaced := &debug.Module{Path: library, Version: "v0.315.0", Replace: &debug.Module{Path: "fork", Version: "v0.316.1"}}
	if got := version(&debug.BuildInfo{Deps: []*debug.Module{replaced}}); got != "3.16.1" {
		t.Errorf("version of a replaced module is %s", got)
	}
	if got := version(nil); got != "3.0.0" {
		t.Errorf("version without build information is %s", got)
	}
}
