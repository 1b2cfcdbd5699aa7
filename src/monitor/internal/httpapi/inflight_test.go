package httpapi

import (
	"net/http"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestOneRequestMoreThanAllowedIsToldSo(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	cfg := f.cfg
	cfg.Registry, cfg.MaxRequests = prometheus.NewRegistry(), 3
	begun, end := make(chan struct{}), make(chan struct{})
	cfg.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-end
	})
	api, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.API = api
	var slow sync.WaitGroup
	for range 3 {
		slow.Go(func() {
			if rec := f.do(t, http.MethodGet, "/metrics"); rec.Code != http.StatusOK {
				t.Errorf("a request within the cap: %d", rec.Code)
			}
		})
		<-begun
	}
	rec := f.do(t, http.MethodGet, "/api/v1/cpu")
	if rec.Header().Get("Retry-After") != "1" {
		t.Errorf("headers %v", rec.Header())
	}
	wantProblem(t, rec, http.StatusServiceUnavailable, "there may be 3")
	if rec := f.do(t, http.MethodGet, "/readyz"); rec.Code != http.StatusOK {
		t.Errorf("a probe: %d", rec.Code)
	}
	close(end)
	slow.Wait()
	if rec := f.do(t, http.MethodGet, "/api/v1/cpu"); rec.Code != http.StatusOK {
		t.Errorf("after it: %d", rec.Code)
	}
}
