package ruletest

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

func TestExamplesMatchTheirExpression(t *testing.T) {
	for _, expr := range []string{
		"5..", "2..|3..", "(2|3)[0-9]{2}", "a.*", "a+b?c*", "[^0a]x", "(?i)ok", "GET|POST", "/api/v[0-9]+/.+", "", `\d+\.\d`, "()", "a{2,5}",
	} {
		found := examples(expr)
		if len(found) == 0 {
			t.Errorf("%q has no example", expr)
		}
		for _, example := range found {
			if !regexp.MustCompile("^(?s:" + expr + ")$").MatchString(example) {
				t.Errorf("%q is not an example of %q", example, expr)
			}
		}
	}
}

func FuzzExamples(f *testing.F) {
	for _, expr := range []string{"5..", "a|b", "[^a]", "(x+x+)+y", `\b`} {
		f.Add(expr)
	}
	f.Fuzz(func(_ *testing.T, expr string) {
		examples(expr) // of what no text matches there is none that fits; it must only end
	})
}

func TestSelectedSeries(t *testing.T) {
	for _, tt := range []struct {
		name, want, avoid string
		fixed             map[string]string
		series            string // empty: none can be found
	}{
		{"equal values", `a{b="c",d="e"}`, "", nil, `a{b="c", d="e"}`},
		{"a value that is not one", `a{b!="c"}`, "", nil, `a{b="other"}`},
		{"an expression", `a{b=~"2..|3.."}`, "", nil, `a{b="200"}`},
		{"what an expression is not", `a{b!~"5.."}`, "", nil, `a{b="other"}`},
		{"any value but none", `a{b!=""}`, "", nil, `a{b="other"}`},
		{"no value", `a{b=""}`, "", nil, `a{}`},
		{"two demands on a label", `a{b=~"x|y",b!="x"}`, "", nil, `a{b="y"}`},
		{"not the other selector", `a{job="j"}`, `a{job="j",code="200"}`, nil, `a{code="other", job="j"}`},
		{"not the other, which excludes", `a`, `a{code!~"5.."}`, nil, `a{code="500"}`},
		{"another metric anyway", `a`, `b`, nil, `a{}`},
		{"a label that it must have", `a{b!="c"}`, "", map[string]string{"b": "x", "g": "h"}, `a{b="x", g="h"}`},
		{"a label that it cannot have", `a{b!="c"}`, "", map[string]string{"b": "c"}, ""},
		{"demands that contradict each other", `a{b="x",b="y"}`, "", nil, ""},
		{"all that the other selects", `a{b="c"}`, `a`, nil, ""},
		{"names in quotes", `{"a.b","c.d"="e"}`, "", nil, `{"a.b", "c.d"="e"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want, err := matchersOf(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			avoid := want[:0]
			if tt.avoid != "" {
				if avoid, err = matchersOf(tt.avoid); err != nil {
					t.Fatal(err)
				}
			}
			series, ok := selected(want, avoid, tt.fixed)
			if ok != (tt.series != "") || ok && notation(series) != tt.series {
				t.Errorf("got %s, %v; want %s", notation(series), ok, tt.series)
			}
			if ok && (!selects(want, series) || len(avoid) > 0 && selects(avoid, series)) {
				t.Errorf("%s is not selected as it should be", notation(series))
			}
		})
	}
}

func TestAnSLOWithoutBadEventsHasNoTests(t *testing.T) {
	_, err := Cases(slo.SLO{
		Name: "x", Service: "x", Objective: 0.9, Window: 24 * time.Hour, Good: `a{code="200"}`, Total: `a`, GroupBy: []string{"code"},
	}, nil)
	if !errors.Is(err, ErrNoSeries) {
		t.Errorf("got %v, want ErrNoSeries", err)
	}
}
