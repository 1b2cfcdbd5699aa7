package httpapi

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// asked is do with an Accept-Encoding.
func (f *fixture) asked(t testing.TB, path, codings string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", codings)
	f.ServeHTTP(rec, r)
	return rec
}

func unpacked(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	r, err := gzip.NewReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnswersAreCompressedForWhoTakesIt(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	for _, path := range []string{"/api/v1", "/api/v1/snapshot"} {
		plain := f.asked(t, path, "identity")
		packed := f.asked(t, path, "gzip")
		if plain.Header().Get("Content-Encoding") != "" || packed.Header().Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: encodings %q and %q", path, plain.Header().Get("Content-Encoding"), packed.Header().Get("Content-Encoding"))
		}
		if packed.Body.Len() >= plain.Body.Len() {
			t.Errorf("%s: %d bytes from %d", path, packed.Body.Len(), plain.Body.Len())
		}
		for _, rec := range []*httptest.ResponseRecorder{plain, packed} {
			if rec.Header().Get("Content-Length") != strconv.Itoa(rec.Body.Len()) || rec.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: headers %v for %d bytes", path, rec.Header(), rec.Body.Len())
			}
		}
		if got := unpacked(t, packed); got != plain.Body.String() {
			t.Errorf("%s: another answer when it is compressed: %s", path, got)
		}
	}
}

func TestSmallAnswersAreNotCompressed(t *testing.T) {
	rec := newFixture(t, sample.System).asked(t, "/api/v1/system", "gzip")
	if rec.Code != 200 || rec.Header().Get("Content-Encoding") != "" || rec.Body.Len() >= minCompressed {
		t.Errorf("%d bytes with %v", rec.Body.Len(), rec.Header())
	}
}

func TestOneSnapshotIsCompressedOnce(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	read := func() *byte {
		e, err := f.newest()()
		if err != nil {
			t.Fatal(err)
		}
		part, err := f.parts[0].encoded(f.snapshot.Load())
		if err != nil || e.readings != len(sample.Names()) {
			t.Fatal(err, e.readings)
		}
		return &f.packer.pack(part.body)[0]
	}
	if a, b := read(), read(); a != b {
		t.Error("the second client got bytes of its own")
	}
}

func TestWhoTakesGzip(t *testing.T) {
	for name, tc := range map[string]struct {
		codings []string
		want    bool
	}{
		"nothing is said":            {nil, false},
		"gzip":                       {[]string{"gzip"}, true},
		"in capitals":                {[]string{"GZIP"}, true},
		"among others":               {[]string{"br, gzip;q=0.5, deflate"}, true},
		"in a second header":         {[]string{"br", "gzip"}, true},
		"anything":                   {[]string{"*"}, true},
		"anything but gzip":          {[]string{"*, gzip;q=0"}, false},
		"gzip is refused":            {[]string{"gzip; q=0.000"}, false},
		"gzip but nothing else":      {[]string{"*;q=0, gzip"}, true},
		"a weight that is no number": {[]string{"gzip;q=much"}, false},
		"a name that only begins so": {[]string{"gzipped"}, false},
		"an empty one":               {[]string{""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := acceptsGzip(http.Header{"Accept-Encoding": tc.codings}); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}
