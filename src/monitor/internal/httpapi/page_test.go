package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/web"
)

func TestThePageAndItsFilesKeepToThemselves(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/assets/page.js": "text/javascript; charset=utf-8",
		"/assets/page.css": "text/css; charset=utf-8", "/assets/icon.svg": "image/svg+xml",
	} {
		rec := f.do(t, "GET", path)
		h := rec.Header()
		if rec.Code != 200 || h.Get("Content-Type") != contentType || rec.Body.Len() == 0 {
			t.Errorf("%s: status %d, headers %v", path, rec.Code, h)
		}
		if h.Get("Content-Security-Policy") != web.Policy || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, h)
		}
		wantProblem(t, f.do(t, "GET", path+"?q=1"), 400, "it takes none")
		wantProblem(t, f.do(t, "POST", path), 405, "GET")
	}
	if !strings.Contains(f.do(t, "GET", "/").Body.String(), "node-1") {
		t.Error("the page does not name the host")
	}
}

func TestAFileOfThePageIsSentOnce(t *testing.T) {
	f := newFixture(t, sample.CPU)
	first := f.do(t, "GET", "/assets/page.js")
	if tag := first.Header().Get("ETag"); tag == "" || first.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("headers %v", first.Header())
	}
	again := func(tag string) int {
		rec := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/assets/page.js", nil)
		r.Header.Set("If-None-Match", tag)
		f.ServeHTTP(rec, r)
		return rec.Code
	}
	if got := again(first.Header().Get("ETag")); got != 304 {
		t.Errorf("status %d for who has it", got)
	}
	if got := again(`"older"`); got != 200 {
		t.Errorf("status %d for who has another", got)
	}
}

func TestThePageIsThereBeforeAnyReading(t *testing.T) {
	f := newFixture(t, sample.CPU)
	f.snapshot.Store(&sample.Snapshot{Statuses: []sample.Status{{Name: sample.CPU}}})
	rec := f.do(t, "GET", "/")
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), "starting") {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

// TestEveryFigureOfThePageIsInASnapshot finds paths that lead nowhere: the
// fixture has every figure at least once.
func TestEveryFigureOfThePageIsInASnapshot(t *testing.T) {
	root, err := html.Parse(newFixture(t, sample.Names()...).do(t, "GET", "/").Body)
	if err != nil {
		t.Fatal(err)
	}
	const none = "–"
	seen := 0
	for n := range root.Descendants() {
		path, series := attribute(n, "data-path"), attribute(n, "data-series")
		if path == "" || n.Data == "table" || n.Data == "th" && series != "" {
			continue
		}
		seen++
		if n.Data != "th" {
			if got := content(n); got == none {
				t.Errorf("the snapshot has no %s", path)
			}
			continue
		}
		// A heading: one of the rows has the figure.
		column, found := -1, false
		for i := range n.Parent.ChildNodes() {
			column++
			if i == n {
				break
			}
		}
		body := n.Parent.Parent.NextSibling
		for body.Data != "tbody" {
			body = body.NextSibling
		}
		for tr := range body.ChildNodes() {
			at := 0
			for cell := range tr.ChildNodes() {
				found = found || at == column && content(cell) != none
				at++
			}
		}
		if !found {
			t.Errorf("no element has %s, which %q shows", path, content(n))
		}
	}
	if seen < 60 {
		t.Errorf("only %d figures were looked at", seen)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
