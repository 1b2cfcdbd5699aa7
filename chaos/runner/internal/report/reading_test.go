package report

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
	pagecheck "github.com/ballast-sre/ballast/tests/page"
)

// everyPage are the pages that the report makes, of every kind of run.
func everyPage(t *testing.T) map[string][]byte {
	t.Helper()
	pages := map[string][]byte{}
	for name, r := range fixtures() {
		var b bytes.Buffer
		if err := HTML(&b, r); err != nil {
			t.Fatal(err)
		}
		pages["report of "+name] = b.Bytes()
	}
	for name, reports := range map[string][]result.Report{"two months": months(), "nothing": nil, "one run": {reportOf(failRun())}} {
		var b bytes.Buffer
		if err := Trends(&b, trend.Of(reports)); err != nil {
			t.Fatal(err)
		}
		pages["trends of "+name] = b.Bytes()
	}
	return pages
}

// What a browser is not needed for: names, order and reach of everything, colours, widths,
// and no request.
func TestPagesAreReadByEverybodyEverywhere(t *testing.T) {
	for name, text := range everyPage(t) {
		t.Run(name, func(t *testing.T) {
			p, err := pagecheck.Read(text)
			if err != nil {
				t.Fatal(err)
			}
			problems, _, err := p.Problems(pagecheck.Look{
				Views: []pagecheck.View{{Width: 320}, {Width: 320, Dark: true}, {Width: 1280}, {Width: 1280, Dark: true}, {Width: 2560}, {Width: 2560, Dark: true}},
				On:    map[string]string{".onbar": ".firing", ".bandname": ".band"},
				Lines: ".chart .line, .chart .bound, .chart .moment, .chart .predicted, .bar .limit",
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range problems {
				t.Error(problem)
			}
		})
	}
}

// The checklist of the first screen, in the order of reading: the verdict, then for what needs
// attention what broke, for how long, what it cost and what to do. Each says something.
func TestTheFirstScreenIsTheChecklist(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(fixtures())) {
		r := fixtures()[name]
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := HTML(&b, r); err != nil {
				t.Fatal(err)
			}
			root, err := html.Parse(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			var read []string
			answers := map[string]int{}
			for n := range root.Descendants() {
				if n.DataAtom == atom.Main {
					break
				}
				words := strings.Join(texts(n), " ")
				switch n.DataAtom {
				case atom.H1:
					read = append(read, "verdict")
					if words != headline(r) {
						t.Errorf("the headline is %q, want %q", words, headline(r))
					}
				case atom.Dt:
					read = append(read, words)
				case atom.Dd:
					if len(words) < len("Nothing.") || !strings.HasSuffix(words, ".") {
						t.Errorf("%s is answered by %q", read[len(read)-1], words)
					}
					answers[read[len(read)-1]]++
				default:
				}
			}
			if len(r.Experiments) == 0 {
				if !slices.Equal(read, []string{"verdict"}) {
					t.Errorf("nothing ran, and the first screen says %q", read)
				}
				return
			}
			list := []string{"What broke", "For how long", "What it cost", "What to do"}
			if len(read)%4 != 1 || read[0] != "verdict" {
				t.Fatalf("the first screen says %q", read)
			}
			for i := 1; i < len(read); i += 4 {
				if !slices.Equal(read[i:i+4], list) {
					t.Errorf("the first screen says %q", read[i:i+4])
				}
			}
			bad := min(3, len(slices.DeleteFunc(slices.Clone(r.Experiments), func(r result.Run) bool { return r.Verdict == result.Pass })))
			if want := max(1, bad); answers["What to do"] != want {
				t.Errorf("%d runs are answered for, want %d", answers["What to do"], want)
			}
		})
	}
}
