package report

import (
	"bytes"
	"flag"
	"io"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", name), string(got), *update)
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
			compare(t, name, got)
		})
	}
}
