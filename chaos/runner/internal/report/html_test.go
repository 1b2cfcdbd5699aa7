package report

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// inspect walks all elements of a rendered report.
func inspect(t *testing.T, r result.Report, visit func(tag string, attrs map[string]string)) string {
	t.Helper()
	var buf bytes.Buffer
	if err := HTML(&buf, r); err != nil {
		t.Fatal(err)
	}
	return walk(t, buf.Bytes(), visit)
}

// walk visits all elements of a page and checks that they are closed in order.
func walk(t *testing.T, page []byte, visit func(tag string, attrs map[string]string)) string {
	t.Helper()
	text := string(page)
	z := html.NewTokenizer(bytes.NewReader(page))
	var open []string
	void := map[string]bool{"meta": true, "link": true, "br": true, "img": true}
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			if len(open) > 0 {
				t.Errorf("not closed: %v", open)
			}
			return text
		case html.StartTagToken, html.SelfClosingTagToken:
			attrs := map[string]string{}
			for _, a := range token.Attr {
				attrs[a.Key] = a.Val
			}
			visit(token.Data, attrs)
			if kind == html.StartTagToken && !void[token.Data] {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		default: // text
		}
	}
}

// accessible checks that a page is one offline file without scripts, in which everything
// that is referred to exists and every picture has a name.
func accessible(t *testing.T, page []byte) string {
	t.Helper()
	ids := map[string]bool{}
	var refs []string
	text := walk(t, page, func(tag string, attrs map[string]string) {
		if id, ok := attrs["id"]; ok {
			if ids[id] {
				t.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
		refs = append(refs, strings.Fields(attrs["aria-labelledby"])...)
		if href, ok := attrs["href"]; ok {
			if !strings.HasPrefix(href, "#") {
				t.Errorf("<%s href=%q> leaves the file", tag, href)
			}
			refs = append(refs, strings.TrimPrefix(href, "#"))
		}
		switch tag {
		case "script", "link", "img", "iframe", "object", "embed":
			t.Errorf("<%s> does not belong here", tag)
		case "svg":
			if attrs["aria-hidden"] != "true" && attrs["aria-labelledby"] == "" && attrs["aria-label"] == "" {
				t.Errorf("a picture without a name: %v", attrs)
			}
		}
		for key := range attrs {
			if strings.HasPrefix(key, "on") {
				t.Errorf("<%s %s>: a script", tag, key)
			}
		}
	})
	for _, ref := range refs {
		if !ids[ref] {
			t.Errorf("%q is referred to and does not exist", ref)
		}
	}
	if bad := regexp.MustCompile(`NaN|Inf\b|ZgotmplZ|%!|&lt;nil&gt;|@import|url\(["']?http`).FindString(text); bad != "" {
		t.Errorf("the file holds %q", bad)
	}
	return text
}

func TestHTMLIsOneOfflineAccessibleFile(t *testing.T) {
	for name, r := range fixtures() {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			if err := HTML(&buf, r); err != nil {
				t.Fatal(err)
			}
			text := accessible(t, buf.Bytes())
			if !strings.Contains(text, headline(r)) {
				t.Errorf("the headline %q is missing", headline(r))
			}
		})
	}
}

// A report holds text from documents, processes and Prometheus: none of it may
// become markup.
func TestTextNeverBecomesMarkup(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	r := reportOf(failRun(), abortedRun())
	r.Command, r.Directory, r.Tool.Version = []string{evil}, evil, evil
	r.Target.Notes = []string{evil}
	for i := range r.Experiments {
		run := &r.Experiments[i]
		run.Name, run.Hypothesis, run.Summary, run.YAML, run.File, run.ID = evil, evil, evil, evil, evil, evil
		run.Residue = []string{evil}
		run.Findings[0].Detail, run.Findings[0].Reason = evil, evil
		run.Asserts[0].Name, run.Asserts[0].Observed = evil, evil
		run.SLIs[0].Name, run.SLIs[0].Query = evil, evil
		run.Faults[0].Emulated, run.Faults[0].Targets[0], run.Effects[0].Observed = evil, evil, evil
		for j := range run.Alerts {
			run.Alerts[j].Name, run.Alerts[j].Severity = evil, evil
		}
	}
	inspect(t, r, func(tag string, attrs map[string]string) {
		if tag == "script" || tag == "img" || attrs["onerror"] != "" {
			t.Errorf("<%s %v> came through", tag, attrs)
		}
	})
}

func TestAnyReportRenders(t *testing.T) {
	reports := map[string]result.Report{
		"the zero report": {},
		"a zero run":      {Experiments: []result.Run{{}}},
		"clocks that run backwards": {Experiments: []result.Run{{
			Started: epoch,
			Ended:   epoch.Add(-time.Hour),
			Phases:  []result.PhaseSpan{{Phase: result.Observe, Start: epoch, End: epoch.Add(-time.Minute)}},
			Judgment: result.Judgment{
				T0:      ptr(epoch.Add(time.Hour)),
				Removed: ptr(epoch),
				SLIs:    []result.SLI{{Points: at(5, 3, 1)}},
				Alerts:  []result.Alert{{Firing: []result.Span{{Start: epoch, End: epoch}}}},
			},
		}}},
		"a single point": {Experiments: []result.Run{{Judgment: result.Judgment{SLIs: []result.SLI{{Points: at(1), Objective: ptr(1.0), BudgetSpent: ptr(0.0), BudgetLimit: ptr(0.0)}}}}}},
		"a day at one second": {Experiments: []result.Run{{
			Started: epoch,
			Ended:   epoch.Add(24 * time.Hour),
			Judgment: result.Judgment{
				SLIs: []result.SLI{{Points: make([]result.Point, 86_400), Max: ptr(1e18), Min: ptr(-1e18)}},
			},
		}}},
	}
	for name, r := range reports {
		t.Run(name, func(t *testing.T) {
			text := inspect(t, r, func(string, map[string]string) {})
			if len(text) > 200_000 {
				t.Errorf("%d bytes", len(text))
			}
			for what, render := range map[string]func(io.Writer, result.Report) error{"text": Text, "junit": JUnit, "json": JSON} {
				if err := render(io.Discard, r); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}
