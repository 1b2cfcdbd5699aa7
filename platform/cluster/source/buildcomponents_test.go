package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestComponentsThatAreBuiltByName(t *testing.T) {
	b := newBench(t)
	n := &Node{build: b.builder}
	b.module(t, "pause", prints)
	b.module(t, "helm", "package main\n\nfunc main() { does not build }\n")
	for range 2 {
		if err := n.BuildComponents(t.Context(), "pause"); err != nil {
			t.Fatal(err)
		}
	}
	path, err := n.Program("pause", "pause")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil || len(b.cached(t)) != 1 || len(b.told) != 2 {
		t.Errorf("%v: %v, %v", err, b.cached(t), b.told)
	}
	if err := n.BuildComponents(t.Context(), "pause", "helm"); err == nil || !strings.Contains(err.Error(), "component helm does not build") {
		t.Errorf("%v", err)
	}
	// A name that there is not is told before anything is built.
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := n.BuildComponents(t.Context(), "pause", "pauses"); err == nil || err.Error() != "there is no component pauses" || len(b.cached(t)) != 0 {
		t.Errorf("%v: %v", err, b.cached(t))
	}
	if err := n.BuildComponents(t.Context()); err != nil {
		t.Errorf("none: %v", err)
	}
}
