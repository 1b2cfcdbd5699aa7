//go:build integration && linux

package integration

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPlanShowsTheBlastRadiusOfTheCatalogue(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	documents, err := filepath.Glob(filepath.Join(repository, "chaos", "experiments", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := h.ballast("plan", "--format", "json", filepath.Join("chaos", "experiments"))
	if code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(documents) == 0 || len(lines) != len(documents) {
		t.Errorf("%d plans of %d experiments", len(lines), len(documents))
	}
	for _, line := range lines {
		var p struct {
			Experiment string  `json:"experiment"`
			Targets    int     `json:"targets"`
			Percent    float64 `json:"percent"`
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if p.Targets < 1 || p.Targets > 3 || p.Percent <= 0 || p.Percent > 100 {
			t.Errorf("%s: %d targets, %v%%", p.Experiment, p.Targets, p.Percent)
		}
	}
	h.empty(time.Now(), nil)
}
