package report

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	"github.com/ballast-sre/ballast/tests/browser"
)

var pictures = flag.String("pictures", "", "directory that receives pictures of the pages")

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

const measure = `(() => {
  const w = window, d = document;
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
})()`

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
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, dark := range []bool{false, true} {
			var views []browser.View
			for _, width := range []int{320, 768, 1280, 2560} {
				views = append(views, browser.View{Width: width, Height: 900, Dark: dark})
			}
			var got []look
			chromium.Measure(t, pages[name], views, measure, &got)
			for i, v := range views {
				got[i].check(t, name, v)
				if *pictures != "" {
					file := fmt.Sprintf("%s-%d-dark-%v.png", name, v.Width, dark)
					v.Height = 3000
					chromium.Screenshot(t, pages[name], v, filepath.Join(*pictures, file))
				}
			}
		}
	}
}

func (l look) check(t *testing.T, page string, v browser.View) {
	t.Helper()
	at := fmt.Sprintf("%s at %d px, dark %v", page, v.Width, v.Dark)
	if l.Wide > float64(v.Width) {
		t.Errorf("%s: the page is %v px wide", at, l.Wide)
	}
	if l.Dark != v.Dark {
		t.Errorf("%s: dark is %v", at, l.Dark)
	}
	if l.Answered <= 0 || v.Width >= 768 && l.Answered > 900 {
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
