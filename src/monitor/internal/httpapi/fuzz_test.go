package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// FuzzRequest looks for a request line that breaks the service or makes a
// series of its own.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][2]string{
		{"GET", "/api/v1/cpu"},
		{"HEAD", "/metrics"},
		{"POST", "/healthz"},
		{"BREW", "/"},
		{"GET", "/api/v1/../v1/cpu"},
		{"GET", "/%2e%2e/metrics"},
		{"GET", "//healthz"},
		{"GET", "/:name/*path"},
		{"GET", "/api/v1/disk?mountpoint=%2Fhome&device=vda"},
		{"GET", "/api/v1/cpu?cpu=%zz;"},
		{"HEAD", "/api/v1/snapshot?cpu=0"},
		{"GET", "/"},
		{"GET", "/assets/page.js?v=1"},
		{"GET", "/api/v1/processes?by=memory&limit=99999999999999999999"},
	} {
		f.Add(seed[0], seed[1])
	}
	api := newFixture(f, sample.Names()...)
	routes := []string{unmatched}
	for _, r := range api.engine.Routes() {
		routes = append(routes, r.Path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://monitor"+path, http.NoBody)
		if err != nil {
			t.Skip("not a request")
		}
		rec := httptest.NewRecorder()
		ctx, end := context.WithCancel(t.Context())
		end() // a stream would not
		api.ServeHTTP(rec, r.WithContext(ctx))
		if !slices.Contains([]int{200, 400, 404, 405, 414}, rec.Code) {
			t.Errorf("%s %q: status %d", method, path, rec.Code)
		}
		families, err := api.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "route" && !slices.Contains(routes, l.GetValue()) {
						t.Errorf("%s %q made a series of route %q", method, path, l.GetValue())
					}
				}
			}
		}
	})
}
