package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

const style = `:root { --card: #fff; --ink: #222; --soft: #666; } /* as in { a comment */
@media (prefers-color-scheme: dark) { :root { --card: #111; --ink: #eee; --soft: #999; } }
body { background: var(--card); color: var(--ink); } html { scroll-behavior: smooth; font-size: clamp(14px, .9vw, 30px); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--ink); }
.soft { color: var(--soft); } .on { background: #0004; } .hidden { display: none; } .bar { fill: #c00; } svg text { fill: #fff; }
svg .line { stroke: var(--soft); fill: none; }
@media (max-width: 720px) { .cards tr { display: block; } }
@media print { body { color: #000; } }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
`

// document is a page that is in order, with what a test adds.
func document(styles, body string) string {
	return `<!DOCTYPE html><html lang="en"><head><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><title>A page</title><style>` + style + styles + `</style></head>
<body><h1>One</h1><main>` + body + `</main></body></html>`
}

func read(t *testing.T, text string) *Page {
	t.Helper()
	p, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func only(t *testing.T, problems []string, want string) {
	t.Helper()
	if want == "" && len(problems) > 0 {
		t.Errorf("found %q", problems)
	}
	if want != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want) }) {
		t.Errorf("found %q, want %q", problems, want)
	}
}

func TestMarkupThatKeepsSomebodyOutIsFound(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"nothing": {`<h2 id="x">Two</h2><a href="#x">To it</a><a href="https://example.org">Out</a><details><summary>More</summary>text</details>
<table><thead><tr><th scope="col">A</th><th scope="col">B</th></tr></thead><tbody><tr><td colspan="2">1</td></tr></tbody></table>
<svg role="img" aria-label="A chart"></svg><svg aria-hidden="true"></svg><div tabindex="0" role="region" aria-labelledby="x">rows</div><label>Name <input></label>`, ""},
		"a heading that leaves a level out":        {`<h3>Three</h3>`, "follows a heading of level 1"},
		"an empty heading":                         {`<h2> </h2>`, "an empty heading"},
		"an id that is there twice":                {`<p id="x"></p><p id="x"></p>`, `id "x" is there twice`},
		"a link to nothing":                        {`<a href="#gone">There</a>`, "leads to nothing"},
		"a label that names nothing":               {`<p aria-labelledby="gone">x</p>`, `names "gone"`},
		"a link without words":                     {`<a href="https://example.org"><svg aria-hidden="true"></svg></a>`, "a control without a name"},
		"a link that the keyboard does not reach":  {`<a>There</a>`, "a link without href"},
		"a button that the keyboard cannot reach":  {`<div role="button">Go</div>`, "a button that the keyboard does not reach"},
		"an order of the keyboard's own":           {`<a href="#" tabindex="3">Go</a>`, "changes the order"},
		"a link taken out of the keyboard's order": {`<a href="https://example.org" tabindex="-1">Go</a>`, "takes it out"},
		"a link in a link's summary":               {`<details><summary><a href="https://example.org">x</a></summary></details>`, "a control in a control"},
		"a link that is hidden from readers":       {`<div aria-hidden="true"><a href="https://example.org">x</a></div>`, "hidden from screen readers"},
		"what scrolls without a name":              {`<div tabindex="0">rows</div>`, "without a role and a name"},
		"a field without a label":                  {`<input placeholder="Name">`, "a control without a label"},
		"a column without a scope":                 {`<table><thead><tr><th>A</th></tr></thead></table>`, `scope ""`},
		"a column without a name":                  {`<table><thead><tr><th scope="col"></th></tr></thead></table>`, "a column without a name"},
		"a table without a head":                   {`<table><tr><td>1</td></tr></table>`, "a table without a head"},
		"a row that is too short":                  {`<table><thead><tr><th scope="col">A</th><th scope="col">B</th></tr></thead><tr><td>1</td></tr></table>`, "a row of 1 cells"},
		"a picture without a name":                 {`<svg role="img"></svg>`, "a picture without a name"},
		"a picture that is read shape by shape":    {`<svg aria-label="A chart"></svg>`, "without role=img"},
		"a region without a name":                  {`<article>x</article>`, "a landmark without a name"},
		"a list of paragraphs":                     {`<ul><p>x</p></ul>`, "a list has more than items"},
		"a second main part":                       {`</main><main>x`, "2 main elements"},
		"a script":                                 {`<script>1</script>`, "does not belong"},
		"a handler":                                {`<p onclick="x()">x</p>`, "is a script"},
		"a picture from elsewhere":                 {`<img src="https://example.org/x.png" alt="x">`, "is a request"},
		"a shape from elsewhere":                   {`<svg aria-hidden="true"><use href="icons.svg#x"/></svg>`, "is a request"},
		"a background from elsewhere":              {`<p style="background: url(https://example.org/x.png)">x</p>`, "is a request"},
		"a link that is a script":                  {`<a href=" JavaScript:x()">x</a>`, "a link that is a script"},
	} {
		t.Run(name, func(t *testing.T) { only(t, read(t, document("", tt.body)).Markup(), tt.want) })
	}
	whole := document("", "x")
	for name, tt := range map[string]struct{ old, replacement, want string }{
		"no language":              {` lang="en"`, "", "no language"},
		"no title":                 {"<title>A page</title>", "", "no title"},
		"a page that cannot grow":  {"initial-scale=1", "maximum-scale=1", "could not enlarge it"},
		"a page for light alone":   {"light dark", "light", "color-scheme"},
		"a page that may ask":      {"default-src 'none'", "default-src 'self'", "does not forbid requests"},
		"a style from elsewhere":   {"<style>", "<style>@import 'x.css';", "is a request"},
		"a page without headlines": {"<h1>One</h1>", "", "no heading"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Count(whole, tt.old) != 1 {
				t.Fatalf("%q is not in the page once", tt.old)
			}
			p := Page{}
			text := strings.Replace(whole, tt.old, tt.replacement, 1)
			if q, err := Read([]byte(text)); err == nil {
				p = *q
			} else if tt.want != "is a request" { // which is no rule that is known here
				t.Fatal(err)
			} else {
				return
			}
			only(t, p.Markup(), tt.want)
		})
	}
}

func TestContrastIsWCAGs(t *testing.T) {
	for _, tt := range []struct {
		text, ground string
		want         float64
	}{
		{"#000", "#fff", 21},
		{"#fff", "#fff", 1},
		{"#767676", "#fff", 4.54},
		{"#777", "#fff", 4.48},
		{"#00f", "#ffffff", 8.59},
		{"#0000", "#fff", 1},
		{"transparent", "#123456", 1},
		{"color-mix(in srgb, #000 50%, transparent)", "#fff", 3.98},
	} {
		a, err := parseColour(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseColour(tt.ground)
		if err != nil {
			t.Fatal(err)
		}
		if got := contrast(a, b); math.Abs(got-tt.want) > 0.05 {
			t.Errorf("%s on %s: %.2f, want %.2f", tt.text, tt.ground, got, tt.want)
		}
	}
	for _, text := range []string{"", "#", "#12", "#ggg", "rgb(1,2,3)", "reddish", "123456"} {
		if _, err := parseColour(text); err == nil {
			t.Errorf("%q is a colour", text)
		}
	}
}

func TestTextsThatAreHardToReadAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		styles, body string
		dark         bool
		want         string
	}{
		"none":                                     {"", `<p class="soft">x</p>`, false, ""},
		"none in the dark":                         {"", `<p class="soft">x</p>`, true, ""},
		"a colour of its own":                      {"", `<p style="color: #999">x</p>`, false, "#999999 on #ffffff is 2.85"},
		"one that is only faint in the dark":       {".ink { color: #333; }", `<p class="ink">x</p>`, true, "#333333 on #111111"},
		"on a ground that darkens":                 {"", `<div class="on"><p class="soft">x</p></div>`, false, "#666666 on #bbbbbb"},
		"that of a parent":                         {"", `<div style="color: #aaa"><b>x</b></div>`, false, "#aaaaaa"},
		"the later rule wins":                      {".soft { color: #aaa; }", `<p class="soft">x</p>`, false, "#aaaaaa"},
		"the nearer rule wins":                     {"p.soft { color: #000; } .soft { color: #aaa; }", `<p class="soft">x</p>`, false, ""},
		"an important one wins":                    {".soft { color: #aaa !important; }", `<p class="soft" style="color: #000">x</p>`, false, "#aaaaaa"},
		"one that is not shown":                    {"", `<p class="hidden" style="color: #fff">x</p>`, false, ""},
		"an element without words of its own":      {"", `<div style="color: #fff"><p style="color: #000">x</p></div>`, false, ""},
		"the text of a picture on the page":        {"", `<svg role="img" aria-label="x"><text class="free">x</text></svg>`, false, "#ffffff on #ffffff"},
		"the text of a picture on a dark shape":    {"", `<svg role="img" aria-label="x"><rect class="bar"/><text class="inbar">x</text></svg>`, false, ""},
		"the text of a picture on a shape as pale": {".bar { fill: #ddd; }", `<svg role="img" aria-label="x"><rect class="bar"/><text class="inbar">x</text></svg>`, false, "#ffffff on #dddddd"},
	} {
		t.Run(name, func(t *testing.T) {
			problems, texts, err := read(t, document(tt.styles, tt.body)).Contrast(View{Width: 1280, Dark: tt.dark}, map[string]string{".inbar": ".bar"})
			if err != nil || texts == 0 {
				t.Fatalf("%d texts, %v", texts, err)
			}
			only(t, problems, tt.want)
		})
	}
	if _, _, err := read(t, document("", `<p style="color: var(--gone)">x</p>`)).Contrast(View{}, nil); err == nil || !strings.Contains(err.Error(), "--gone") {
		t.Errorf("a variable without a value: %v", err)
	}
	for dark, want := range map[bool]string{false: "", true: ""} {
		problems, lines, err := read(t, document("", `<svg role="img" aria-label="x"><path class="line"/></svg>`)).Lines(View{Dark: dark}, ".line")
		if err != nil || lines != 1 {
			t.Fatalf("%d lines, %v", lines, err)
		}
		only(t, problems, want)
	}
	problems, _, err := read(t, document(".line { stroke: #ccc !important; }", `<svg role="img" aria-label="x"><path class="line"/></svg>`)).Lines(View{}, ".line")
	if err != nil {
		t.Fatal(err)
	}
	only(t, problems, "#cccccc on #ffffff is 1.61")
}

func TestWhatAPhoneHasNoRoomForIsFound(t *testing.T) {
	cells := func(n int, label string) string {
		return `<tr>` + strings.Repeat(`<td`+label+`>x</td>`, n) + `</tr>`
	}
	for name, tt := range map[string]struct{ styles, body, want string }{
		"nothing":                      {"", `<table>` + cells(3, "") + `</table>`, ""},
		"a table of four columns":      {"", `<table>` + cells(4, "") + `</table>`, "4 columns beside each other"},
		"one that can be scrolled":     {".wide { overflow: auto; }", `<div class="wide"><table>` + cells(9, "") + `</table></div>`, ""},
		"cards":                        {"", `<table class="cards">` + cells(4, ` data-label="A"`) + `</table>`, ""},
		"cards whose cells are mute":   {"", `<table class="cards">` + cells(4, "") + `</table>`, "4 cells of a card"},
		"a fixed width":                {".wide { width: 900px; }", `<p class="wide">x</p>`, "width is 900px"},
		"a width that is for desks":    {"@media (min-width: 1000px) { .wide { width: 900px; } }", `<p class="wide">x</p>`, ""},
		"a width as wide as can be":    {".wide { width: min(60rem, 88vw); }", `<p class="wide">x</p>`, ""},
		"a least width in rem":         {".wide { min-width: 30rem; }", `<p class="wide">x</p>`, "min-width is 30rem"},
		"lines that are not broken":    {"", `<pre>x</pre>`, "neither wrap"},
		"lines that are broken":        {"pre { white-space: pre-wrap; }", `<pre>x</pre>`, ""},
		"lines that can be scrolled":   {"pre { overflow-x: auto; }", `<pre>x</pre>`, ""},
		"a table that is hidden there": {"", `<table class="hidden">` + cells(9, "") + `</table>`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := read(t, document(tt.styles, tt.body)).Widths()
			if err != nil {
				t.Fatal(err)
			}
			only(t, problems, tt.want)
		})
	}
}

func TestWhatAPageDoesNotAskItsReadersSystemIsFound(t *testing.T) {
	whole := document("", `<a href="#">x</a>`)
	only(t, read(t, whole).Queries(), "")
	for name, tt := range map[string]struct{ old, replacement, want string }{
		"no dark colours":                   {"prefers-color-scheme: dark", "prefers-color-scheme: light", "(prefers-color-scheme: dark)"},
		"no narrow layout":                  {"@media (max-width: 720px)", "@media print", "(max-width:"},
		"nothing for paper":                 {"@media print", "@media (max-width: 1px)", "print"},
		"motion for those who want none":    {"prefers-reduced-motion: reduce", "prefers-reduced-motion: no-preference", "asked for rest"},
		"small texts on a wall screen":      {"clamp(14px, .9vw, 30px)", "14px", "wall screen"},
		"a keyboard that nobody sees":       {"outline: 2px solid var(--ink)", "outline: none", "place is not shown"},
		"a kind of control that is not lit": {"a:focus-visible, ", "", "when the keyboard is at a"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Count(whole, tt.old) != 1 {
				t.Fatalf("%q is not in the page once", tt.old)
			}
			only(t, read(t, strings.Replace(whole, tt.old, tt.replacement, 1)).Queries(), tt.want)
		})
	}
}

func TestStylesThatAreNotUnderstoodAreErrors(t *testing.T) {
	for name, styles := range map[string]string{
		"a brace that is not closed": "a { color: #000;", "a rule of another kind": "@layer x { a { color: #000; } }", "text behind": "a { color: #000; } b",
		"a query in a query": "@media print { @media print { a { color: #000; } } }",
	} {
		if _, err := Read(fmt.Appendf(nil, "<style>%s</style>", styles)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	if _, _, err := read(t, document("@media (orientation: landscape) { a { color: #000; } }", "x")).Contrast(View{}, nil); err == nil || !strings.Contains(err.Error(), "orientation") {
		t.Errorf("a query that is not known: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(document("", `<table><tr><td>1</td></tr></table><p style="color: var(--a); --a: var(--a)">x</p>`))
	f.Fuzz(func(_ *testing.T, text string) {
		p, err := Read([]byte(text))
		if err != nil {
			return
		}
		p.Markup()
		p.Queries()
		_, _ = p.Widths()                           // whatever it says, it ends
		_, _, _ = p.Contrast(View{Dark: true}, nil) // and so does this
	})
}
