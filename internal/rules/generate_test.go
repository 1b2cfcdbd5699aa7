package rules

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated rule files anew")

const alertsDir = "../../alerts"

func TestGoldenTheCommittedRulesAreWhatTheSourcesGenerate(t *testing.T) {
	if *update {
		if _, err := Generate(alertsDir, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files(alertsDir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("%d files are generated, want the two SLOs, their tests and the resource alerts", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(alertsDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from its sources; run `ballast slo generate`", name)
		}
		if !bytes.HasPrefix(got, []byte(header)) {
			t.Errorf("%s does not start with the header", name)
		}
	}
	committed, err := expand(generatedDirs(alertsDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range committed {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(alertsDir, file)
		if err != nil {
			t.Fatal(err)
		}
		if _, wanted := files[filepath.ToSlash(rel)]; !wanted && (bytes.HasPrefix(content, []byte(header)) || !strings.HasPrefix(rel, "tests")) {
			t.Errorf("%s is not generated", file)
		}
	}
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"slo", "resource"} {
		if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(filepath.Join(alertsDir, sub))); err != nil {
			t.Fatal(err)
		}
	}
	generate := func(t *testing.T) []string {
		t.Helper()
		changed, err := Generate(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	first := generate(t)
	for _, want := range []string{"rules/prometheus/resource-replicas.yaml", "rules/prometheus/slo-monitor-latency.yaml", "tests/slo-monitor-latency.yaml"} {
		if !slices.Contains(first, filepath.Join(dir, want)) {
			t.Errorf("the first run wrote %v, and not %s", first, want)
		}
	}
	if changed := generate(t); len(changed) != 0 {
		t.Errorf("a second run changed %v", changed)
	}

	write(t, filepath.Join(dir, "tests", "resource-x.yaml"), "tests: []\n") // by hand
	for _, stale := range []string{filepath.Join(dir, "rules", "prometheus", "slo-gone.yaml"), filepath.Join(dir, "tests", "slo-gone.yaml")} {
		write(t, stale, header+"groups: []\n")
		if changed := generate(t); len(changed) != 1 || changed[0] != stale {
			t.Errorf("changed %v, want %s removed", changed, stale)
		}
		if _, err := os.Stat(stale); !os.IsNotExist(err) {
			t.Errorf("the stale file is still there: %v", err)
		}
	}

	byHand := filepath.Join(dir, "rules", "prometheus", "slo-monitor-latency.yaml")
	if err := os.WriteFile(byHand, []byte("groups: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(dir, Options{}); err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("a hand-written file in the way gives %v", err)
	}
}

func TestGenerateWithoutSourcesFails(t *testing.T) {
	if _, err := Generate(t.TempDir(), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}
