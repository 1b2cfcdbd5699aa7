package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestOnlyTheOwnHostIsAnsweredFor(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	hosts, err := NewHosts("box.example")
	if err != nil {
		t.Fatal(err)
	}
	f.cfg.Hosts = hosts
	ask := func(method, path, host string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Host = host
		f.ServeHTTP(rec, r)
		return rec
	}
	for _, path := range []string{"/api/v1", "/api/v1/cpu", "/api/v1/snapshot", "/metrics", "/version", "/nope", "/healthz/", "/HEALTHZ"} {
		wantProblem(t, ask("GET", path, "evil.example:80"), http.StatusMisdirectedRequest, `"evil.example"`)
	}
	for _, path := range []string{"/api/v1/cpu", "/metrics", "/version"} {
		for _, host := range []string{"box.example", "box.example:8080", "127.0.0.1:1", "[::1]:1", "localhost", ""} {
			if rec := ask("GET", path, host); rec.Code != http.StatusOK {
				t.Errorf("%s for %q: %d", path, host, rec.Code)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if rec := ask("GET", path, "evil.example"); rec.Code != http.StatusOK {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if rec := ask("HEAD", "/api/v1/cpu", "evil.example"); rec.Code != http.StatusMisdirectedRequest {
		t.Errorf("HEAD: %d", rec.Code)
	}
}

func TestPagesOfOtherSitesMayNotReadTheAPI(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	for name, tc := range map[string]struct {
		host    string
		tls     bool
		headers []string // name, value, …
		want    int
	}{
		"no browser":                                {"box:8080", false, nil, 200},
		"the own page":                              {"box:8080", false, []string{"Origin", "http://box:8080", "Sec-Fetch-Site", "same-origin"}, 200},
		"the own page, in capitals":                 {"box:8080", false, []string{"Origin", "http://BOX:8080"}, 200},
		"the own page behind a proxy with TLS":      {"box.example", false, []string{"Origin", "https://box.example"}, 200},
		"the own page over TLS":                     {"box.example", true, []string{"Origin", "https://box.example"}, 200},
		"an address that somebody typed":            {"box:8080", false, []string{"Sec-Fetch-Site", "none"}, 200},
		"a page over another scheme":                {"box.example", true, []string{"Origin", "http://box.example"}, 403},
		"a page on another port":                    {"box:8080", false, []string{"Origin", "http://box:9090"}, 403},
		"a page of another host":                    {"box:8080", false, []string{"Origin", "http://evil.example"}, 403},
		"a page of nowhere":                         {"box:8080", false, []string{"Origin", "null"}, 403},
		"an empty origin":                           {"box:8080", false, []string{"Origin", ""}, 403},
		"an extension of a browser":                 {"box:8080", false, []string{"Origin", "chrome-extension://box:8080"}, 403},
		"an origin without a Host to compare":       {"", false, []string{"Origin", "http://box"}, 403},
		"another site, without an origin":           {"box:8080", false, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another site, in capitals":                 {"box:8080", false, []string{"Sec-Fetch-Site", " Cross-Site"}, 403},
		"a foreign origin behind the own":           {"box:8080", false, []string{"Origin", "http://box:8080", "Origin", "http://evil.example"}, 403},
		"another site that names the own as origin": {"box:8080", false, []string{"Origin", "http://box:8080", "Sec-Fetch-Site", "cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			for path, guarded := range map[string]bool{"/api/v1/cpu": true, "/api/v1": true, "/metrics": false, "/healthz": false, "/version": false} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.Host = tc.host
				if tc.tls {
					r.TLS = new(tls.ConnectionState)
				}
				for i := 0; i < len(tc.headers); i += 2 {
					r.Header.Add(tc.headers[i], tc.headers[i+1])
				}
				rec := httptest.NewRecorder()
				f.ServeHTTP(rec, r)
				want := 200
				if guarded {
					want = tc.want
				}
				if rec.Code != want {
					t.Errorf("%s: %d, want %d: %s", path, rec.Code, want, rec.Body)
				}
				if want == http.StatusForbidden {
					wantProblem(t, rec, want, "another site")
				}
				for header := range rec.Header() {
					if strings.HasPrefix(header, "Access-Control-") {
						t.Errorf("%s: there is a header %s", path, header)
					}
				}
			}
		})
	}
	// What is not there is refused alike, so that nobody can tell what is.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/api", nil)
	r.Header.Set("Origin", "http://evil.example")
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, r)
	wantProblem(t, rec, http.StatusForbidden, "another site")
}
