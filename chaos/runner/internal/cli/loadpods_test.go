package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
)

func TestPodsAreAskedOnlyWhenTheirPortIsGiven(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "metrics")
	})
	tests := map[string]struct {
		port uint16
		path string
		want int
	}{
		"without a port, /probe is not found": {0, "/probe?target=10.0.0.1:8080", http.StatusNotFound},
		"without a port there are metrics":    {0, "/metrics", http.StatusOK},
		"with a port there is a probe":        {8080, "/probe?target=10.0.0.1:10250", http.StatusBadRequest}, // of another port
		"with a port there are metrics":       {8080, "/metrics", http.StatusOK},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := withPods(metrics, pflag.NewFlagSet("load", pflag.ContinueOnError), load.PodsConfig{URL: "http://monitor.test/", Port: tt.port})
			if err != nil {
				t.Fatal(err)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil))
			if rec.Code != tt.want {
				t.Errorf("status %d: %s, want %d", rec.Code, rec.Body, tt.want)
			}
		})
	}
}
