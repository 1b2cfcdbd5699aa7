package main

import (
	"bytes"
	_ "embed" // the driver
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/tests/browser"
)

//go:embed testdata/driver.js
var driver string

// sight is what the driver sees of the page.
type sight struct {
	Stage, State, Failure string
	Violations, Strange   []string
	Width, Wide           int
	Charts, Buttons       int
	Processors, Dark      bool
}

// stand is an address that stands for monitors that come and go, with the
// driver in the page.
type stand struct {
	*httptest.Server
	address atomic.Pointer[string]
	seen    chan sight
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{seen: make(chan sight, 16)}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // events must not wait
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: *s.address.Load()})
			r.Out.Header.Del("Accept-Encoding") // the page is changed
		},
		ModifyResponse: s.change,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	mux := http.NewServeMux()
	for _, prefix := range []string{"", "/framed"} {
		mux.HandleFunc("GET "+prefix+"/assets/driver.js", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, driver)
		})
		mux.HandleFunc("POST "+prefix+"/result", func(_ http.ResponseWriter, r *http.Request) {
			var got sight
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				got.Failure = err.Error()
			}
			s.seen <- got
		})
		mux.Handle(prefix+"/", http.StripPrefix(prefix, proxy))
	}
	mux.HandleFunc("GET /frames", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!DOCTYPE html><meta name="color-scheme" content="light dark">`)
		for _, width := range widths() {
			fmt.Fprintf(w, `<iframe src="framed/" style="border:0;width:%dpx;height:900px"></iframe>`, width)
		}
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func widths() []int { return []int{360, 768, 1440, 3840} }

// change puts the driver into the page, and lets it be in a frame of its own
// server.
func (s *stand) change(r *http.Response) error {
	r.Header.Set("Content-Security-Policy", strings.Replace(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
	if r.Request.URL.Path != "/" || r.StatusCode != http.StatusOK {
		return nil
	}
	page, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return err
	}
	page = bytes.Replace(page, []byte("</body>"), []byte(`<script type="module" src="assets/driver.js"></script></body>`), 1)
	r.Body = io.NopCloser(bytes.NewReader(page))
	r.Header.Set("Content-Length", strconv.Itoa(len(page)))
	r.ContentLength = int64(len(page))
	return nil
}

// next returns what the driver sees next, unless the browser ends before.
func (s *stand) next(t *testing.T, ended <-chan struct{}, stage string) sight {
	t.Helper()
	select {
	case got := <-s.seen:
		if got.Stage != stage || got.Failure != "" || len(got.Violations) > 0 || len(got.Strange) > 0 {
			t.Fatalf("want the stage %s: %+v", stage, got)
		}
		return got
	case <-ended:
	case <-time.After(2 * patience): // the driver gives up after one
	}
	t.Fatalf("the page said nothing of the stage %s", stage)
	return sight{}
}

func TestThePageInABrowserLivesAndSurvivesARestart(t *testing.T) {
	chromium := browser.Find(t)
	s := newStand(t)
	m := start(t, "--interval", "250ms", "--drain-pause", "0s")
	s.address.Store(&m.address)
	ended := chromium.Open(t, s.URL+"/", browser.View{Width: 1280, Height: 900})
	live := s.next(t, ended, "live")
	if !live.Processors || live.Buttons == 0 || live.Wide > live.Width || live.Dark {
		t.Errorf("live: %+v", live)
	}
	m.signal(t, syscall.SIGTERM)
	if gone := s.next(t, ended, "gone"); !strings.Contains(gone.State, "trying again") {
		t.Errorf("gone: %+v", gone)
	}
	again := start(t, "--interval", "250ms")
	s.address.Store(&again.address)
	if back := s.next(t, ended, "back"); back.Charts < live.Charts || !back.Processors {
		t.Errorf("back: %+v, before: %+v", back, live)
	}
}

func TestThePageInABrowserFitsEveryWindow(t *testing.T) {
	chromium := browser.Find(t)
	s := newStand(t)
	m := start(t, "--interval", "250ms")
	s.address.Store(&m.address)
	ended := chromium.Open(t, s.URL+"/frames", browser.View{Width: 4000, Height: 3000, Dark: true})
	for range widths() {
		if got := s.next(t, ended, "live"); got.Wide > got.Width || !got.Dark || !got.Processors {
			t.Errorf("at a width of %d: %+v", got.Width, got)
		}
	}
}

// TestTheDriverIsPutIntoThePage looks at what the browser would get, so that
// the tests above ask for what there is also where there is no browser.
func TestTheDriverIsPutIntoThePage(t *testing.T) {
	s := newStand(t)
	m := start(t)
	s.address.Store(&m.address)
	get := func(path string) (string, http.Header) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := m.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, resp.Status, err)
		}
		return string(body), resp.Header
	}
	for _, prefix := range []string{"", "/framed"} {
		page, headers := get(prefix + "/")
		if strings.Count(page, "assets/driver.js") != 1 || !strings.Contains(headers.Get("Content-Security-Policy"), "frame-ancestors 'self'") {
			t.Errorf("%s: headers %v, page:\n%s", prefix, headers, page)
		}
		for path, part := range map[string]string{"/assets/driver.js": "securitypolicyviolation", "/assets/page.js": "EventSource", "/api/v1/history": "memory.used_percent"} {
			if body, _ := get(prefix + path); !strings.Contains(body, part) {
				t.Errorf("%s%s: no %q", prefix, path, part)
			}
		}
	}
}
