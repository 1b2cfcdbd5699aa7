package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ballast-sre/ballast/tests/browser"
)

// measured is what a browser says of the preview at one width.
type measured struct {
	Overflow float64  // by which the page is wider than the window, in pixels
	Panels   int      // that are laid out
	Small    []string // panels with less room than a line of text
	Cut      []string // tiles whose value does not fit
	Apart    []string // panels that stand beside each other and begin at different heights
	Faint    []string // texts on a colour that they are hard to read on
}

// layout measures the layout. Panels lie beside each other where their places on the grid do.
const layout = `(() => {
  const panels = [...document.querySelectorAll(".panel")];
  const name = p => p.querySelector("h3").textContent;
  const out = {overflow: document.documentElement.scrollWidth - innerWidth, panels: panels.length, small: [], cut: [], apart: [], faint: []};
  for (const p of panels) {
    const r = p.querySelector(".body").getBoundingClientRect();
    if (r.width < 60 || r.height < 20) out.small.push(name(p) + " " + r.width + "×" + r.height);
    for (const v of p.querySelectorAll(".tile b")) if (v.scrollWidth > v.parentElement.clientWidth + 1) out.cut.push(name(p) + " " + v.textContent);
    if (innerWidth > 860) for (const q of p.parentElement.children)
      if (p.style.getPropertyValue("--y") === q.style.getPropertyValue("--y") && Math.abs(p.getBoundingClientRect().top - q.getBoundingClientRect().top) > 1) out.apart.push(name(p) + ", " + name(q));
  }
  const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  for (const e of document.querySelectorAll(".painted")) {
    const s = getComputedStyle(e), [a, b] = [light(s.color), light(s.backgroundColor)].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) out.faint.push(e.textContent + " " + s.color + " on " + s.backgroundColor);
  }
  return out;
})()`

// fits shows a page to a browser at the widths of a phone, a tablet, a desk and a wall screen.
// BALLAST_PREVIEW_PICTURES names a directory for the page and pictures of it, for people.
func fits(t *testing.T, name string, page []byte, panels int) {
	t.Helper()
	b := browser.Find(t)
	pictures := os.Getenv("BALLAST_PREVIEW_PICTURES")
	if pictures != "" {
		if err := os.WriteFile(filepath.Join(pictures, name+".html"), page, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dark := range []bool{false, true} {
		views := []browser.View{
			{Width: 390, Height: 844, Dark: dark},
			{Width: 900, Height: 1200, Dark: dark},
			{Width: 1440, Height: 900, Dark: dark},
			{Width: 3840, Height: 2160, Dark: dark},
		}
		var all []measured
		b.Measure(t, page, views, layout, &all)
		for i, m := range all {
			at := fmt.Sprintf("%d pixels, dark %v", views[i].Width, dark)
			if m.Overflow > 0 || m.Panels != panels {
				t.Errorf("%s: %d of %d panels, %.0f px too wide", at, m.Panels, panels, m.Overflow)
			}
			for what, found := range map[string][]string{"have no room": m.Small, "do not fit": m.Cut, "do not stand beside each other": m.Apart, "are hard to read": m.Faint} {
				if len(found) > 0 {
					t.Errorf("%s: %d %s: %q", at, len(found), what, found[:min(10, len(found))])
				}
			}
			if pictures != "" {
				tall := views[i]
				tall.Height = 6000
				b.Screenshot(t, page, tall, filepath.Join(pictures, fmt.Sprintf("%s-%d-%v.png", name, tall.Width, dark)))
			}
		}
	}
}
