package httpapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestThereAreNoProfilesUnlessAskedFor(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile"} {
		wantProblem(t, f.do(t, http.MethodGet, path), http.StatusNotFound, "nothing at this path")
	}
}

func TestProfilesAndTheirLimits(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	p := &profiles{drained: f.stream.drained}
	f.engine.GET(profilesRoute+"*name", p.serve)
	for path, want := range map[string]string{"": "goroutine", "goroutine?debug=1": "goroutine profile", "heap?gc=1": "\x1f\x8b"} {
		if rec := f.do(t, http.MethodGet, profilesRoute+path); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d without %q", path, rec.Code, want)
		}
	}
	for path, want := range map[string]int{
		"profile?seconds=61": 400, "profile?seconds=0": 400, "trace?seconds=x": 400, "profile?debug=1": 400,
		"heap?seconds=1": 400, "heap?debug=9": 400, "heap?x=1": 400,
		"cmdline": 404, "symbol": 404, "none": 404,
	} {
		if rec := f.do(t, http.MethodGet, profilesRoute+path); rec.Code != want {
			t.Errorf("%s: %d, want %d", path, rec.Code, want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, profilesRoute+"heap", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, r)
	wantProblem(t, rec, http.StatusForbidden, "another site")

	p.timed.Lock()
	wantProblem(t, f.do(t, http.MethodGet, profilesRoute+"trace"), http.StatusServiceUnavailable, "another profile")
	p.timed.Unlock()

	// A minute would be the test's end.
	var one sync.WaitGroup
	one.Go(func() {
		if rec := f.do(t, http.MethodGet, profilesRoute+"profile?seconds=60"); rec.Code != http.StatusOK || !bytes.HasPrefix(rec.Body.Bytes(), []byte("\x1f\x8b")) {
			t.Errorf("a profile that draining ends: %d", rec.Code)
		}
	})
	f.Drain()
	one.Wait()
}
