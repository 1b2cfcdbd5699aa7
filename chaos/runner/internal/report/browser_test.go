package report

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	"github.com/ballast-sre/ballast/tests/browser"
)

var pictures = flag.String("pictures", "", "directory that receives pictures of the pages")

// frame is a page in a frame of some width: a window of a browser is not as narrow as a
// phone, and one browser shows many frames. The page's own policy, which forbids scripts,
// stays in force.
type frame struct {
	name          string
	page          []byte
	width, height int
}

func inFrames(frames ...frame) []byte {
	out := []byte(`<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark"></head><body style="margin:0">`)
	for _, f := range frames {
		out = fmt.Appendf(out, `<iframe style="border:0;width:%dpx;height:%dpx" srcdoc="%s"></iframe>`, f.width, f.height, html.EscapeString(string(f.page)))
	}
	return append(out, "</body></html>"...)
}

// look is what is measured of a page in a browser.
type look struct {
	Wide       float64  `json:"wide"` // of the page, in pixels
	Dark       bool     `json:"dark"`
	Answered   float64  `json:"answered"`   // where the first answers end
	Stuck      []string `json:"stuck"`      // out of reach of the keyboard
	Unreadable []string `json:"unreadable"` // text with too little contrast
	Both       int      `json:"both"`       // charts shown in two sizes at once
	Charts     int      `json:"charts"`
}

// measure runs in the outer page.
const measure = `[...document.querySelectorAll("iframe")].map(frame => {
  const w = frame.contentWindow, d = w.document;
  const rgb = s => { const m = s.match(/[\d.]+/g); return m ? m.map(Number) : [0, 0, 0, 0]; };
  const light = c => { const [r, g, b] = c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(w.getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > .99) return c; } return rgb(w.getComputedStyle(d.body).backgroundColor); };
  const unreadable = [];
  for (const e of d.querySelectorAll("body *")) {
    if (e.closest("svg") || !e.checkVisibility()) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(rgb(w.getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) unreadable.push(e.className + " " + e.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2));
  }
  const shown = [...d.querySelectorAll("svg.chart")].filter(e => w.getComputedStyle(e).display !== "none");
  const answers = d.querySelector(".answers");
  return {
    wide: d.documentElement.scrollWidth, dark: w.matchMedia("(prefers-color-scheme: dark)").matches,
    answered: answers ? answers.getBoundingClientRect().bottom : 0,
    stuck: [...d.querySelectorAll("a, summary")].filter(e => e.tabIndex < 0).map(e => e.textContent),
    unreadable, charts: shown.length,
    both: shown.filter(e => e.classList.contains("at-wide") && shown.includes(e.nextElementSibling) && e.nextElementSibling.classList.contains("at-narrow")).length,
  };
})`

func TestPagesFitEveryWindow(t *testing.T) {
	chromium := browser.Find(t)
	pages := map[string][]byte{}
	render := func(name string, write func(*bytes.Buffer) error) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		pages[name] = b.Bytes()
	}
	render("all", func(b *bytes.Buffer) error { return HTML(b, fixtures()["all"]) })
	render("green", func(b *bytes.Buffer) error { return HTML(b, fixtures()["long"]) })
	render("trends", func(b *bytes.Buffer) error { return Trends(b, trend.Of(months())) })
	var frames []frame
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, width := range []int{320, 768, 1280, 2560} {
			frames = append(frames, frame{name, pages[name], width, 900})
		}
	}
	for _, dark := range []bool{false, true} {
		var got []look
		chromium.Measure(t, inFrames(frames...), browser.View{Width: 2600, Height: 900, Dark: dark}, measure, &got)
		if len(got) != len(frames) {
			t.Fatalf("%d of %d frames were measured", len(got), len(frames))
		}
		for i, f := range frames {
			got[i].check(t, f, dark)
			if *pictures != "" {
				file := fmt.Sprintf("%s-%d-dark-%v.png", f.name, f.width, dark)
				f.height = 3000
				chromium.Screenshot(t, inFrames(f), browser.View{Width: max(f.width, 600), Height: f.height, Dark: dark}, filepath.Join(*pictures, file))
			}
		}
	}
}

func (l look) check(t *testing.T, f frame, dark bool) {
	t.Helper()
	at := fmt.Sprintf("%s at %d px, dark %v", f.name, f.width, dark)
	if l.Wide > float64(f.width) {
		t.Errorf("%s: the page is %v px wide", at, l.Wide)
	}
	if l.Dark != dark {
		t.Errorf("%s: dark is %v", at, l.Dark)
	}
	if l.Answered <= 0 || f.width >= 768 && l.Answered > 900 {
		t.Errorf("%s: the first answers end at %v px", at, l.Answered)
	}
	if len(l.Stuck) > 0 {
		t.Errorf("%s: the keyboard does not reach %q", at, l.Stuck)
	}
	if len(l.Unreadable) > 0 {
		t.Errorf("%s: too little contrast: %q", at, l.Unreadable)
	}
	if l.Charts == 0 || l.Both > 0 {
		t.Errorf("%s: %d charts, %d of them in two sizes", at, l.Charts, l.Both)
	}
}
