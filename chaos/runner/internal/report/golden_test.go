package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-golden +now), run with -update if it is meant:\n%s", path, d)
	}
}

func TestRenderingsMatchTheirGoldenFiles(t *testing.T) {
	tests := map[string]struct {
		fixture string
		render  func(io.Writer, result.Report) error
	}{
		"all.outline":     {"all", HTML},
		"control.outline": {"control", HTML},
		"cluster.outline": {"cluster", HTML},
		"cluster.xml":     {"cluster", JUnit},
		"all.xml":         {"all", JUnit},
		"green.xml":       {"green", JUnit},
		"none.xml":        {"none", JUnit},
		"all.txt":         {"all", Text},
		"green.txt":       {"green", Text},
		"interrupted.txt": {"interrupted", Text},
		"long.txt":        {"long", Text},
		"none.txt":        {"none", Text},
	}
	all := fixtures()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			if err := tt.render(&buf, all[tt.fixture]); err != nil {
				t.Fatal(err)
			}
			got := buf.Bytes()
			if filepath.Ext(name) == ".outline" {
				got = outline(t, got)
			}
			golden(t, name, got)
		})
	}
}
