package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// BenchmarkCPUHandler is what one request costs without the network.
func BenchmarkCPUHandler(b *testing.B) {
	f := newFixture(b, sample.Names()...)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v1/cpu", nil)
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatalf("status %d", rec.Code)
		}
	}
}

// BenchmarkCPULoopback is what one request costs over a kept connection,
// client and server together.
func BenchmarkCPULoopback(b *testing.B) {
	f := newFixture(b, sample.Names()...)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewServer(f, f.cfg.Logger)
	srv.Start()
	defer srv.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		client := srv.Client()
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, srv.URL+"/api/v1/cpu", nil)
			if err != nil {
				b.Error(err)
				return
			}
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Error(err)
			}
			if err := resp.Body.Close(); err != nil {
				b.Error(err)
			}
		}
	})
}
