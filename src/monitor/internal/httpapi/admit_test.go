package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestWhoIsNotAdmittedGetsProbesOnly(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	f.cfg.Admit = func(h http.Header, r *http.Request) (int, string) {
		if r.Header.Get("Authorization") == "yes" {
			return 0, ""
		}
		h.Set("WWW-Authenticate", "Basic")
		return http.StatusUnauthorized, "give a password"
	}
	for _, path := range []string{"/api/v1", "/api/v1/cpu", "/api/v1/stream", "/metrics", "/version", "/nope"} {
		rec := f.do(t, http.MethodGet, path)
		wantProblem(t, rec, http.StatusUnauthorized, "give a password")
		if rec.Header().Get("WWW-Authenticate") != "Basic" {
			t.Errorf("%s: headers %v", path, rec.Header())
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if rec := f.do(t, http.MethodGet, path); rec.Code != http.StatusOK {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/cpu", nil)
	r.Header.Set("Authorization", "yes")
	rec := httptest.NewRecorder()
	if f.ServeHTTP(rec, r); rec.Code != http.StatusOK {
		t.Errorf("who may ask: %d", rec.Code)
	}
	// Refusals are counted at their route.
	if n, err := testutil.GatherAndCount(f.registry, "monitor_http_requests_total"); err != nil || n != 9 {
		t.Errorf("%d series of requests, %v", n, err)
	}
}
