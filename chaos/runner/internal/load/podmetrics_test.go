package load

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGoldenPodMetricsMatchThePublishedExposition(t *testing.T) {
	const ms = time.Millisecond
	got := scrape(t, newPodMetrics("monitor", []try{
		{connect: ms, wait: 2 * ms, whole: 4 * ms, bytes: 9000, offset: -time.Hour, dated: true},
		{connect: 3 * ms, wait: 4 * ms, whole: 8 * ms, bytes: 9000},
		{connect: 1001 * ms, wait: 3 * ms, whole: 1005 * ms, bytes: 9000},
		{why: reasonConnect},
		{why: reasonTimeout, connect: 3 * ms},
	}))
	golden := filepath.Join("..", "..", "..", "..", "docs", "metrics", "probe-pods.prom")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("exposition (-published +now), run with -update if it is meant:\n%s", d)
	}
}
