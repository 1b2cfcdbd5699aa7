package app

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
	"github.com/ballast-sre/ballast/tests/golden"
)

// TestGoldenNode compares what the wired service exposes by node_exporter's
// names with docs/metrics/node.prom.
func TestGoldenNode(t *testing.T) {
	var got string
	synctest.Test(t, func(t *testing.T) {
		rec := httptest.NewRecorder()
		wired(t, sampletest.Fixture(time.Now())).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics/node", nil))
		got = rec.Body.String()
	})
	golden.Compare(t, filepath.Join("..", "..", "..", "..", "docs", "metrics", "node.prom"), got, *update)
}
