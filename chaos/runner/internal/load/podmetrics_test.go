package load

import (
	"testing"
	"time"
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
	published(t, "probe-pods.prom", got)
}
