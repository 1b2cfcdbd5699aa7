package prom_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/prom"
)

func TestSelectors(t *testing.T) {
	for name, tc := range map[string]struct {
		expr string
		want []string
	}{
		"a bare metric":                                     {`up`, []string{`up`}},
		"a metric with matchers":                            {`up{job="monitor",instance!="a"}`, []string{`up{instance!="a",job="monitor"}`}},
		"each selector once, in the order of the text":      {`sum(b) / sum(a) + sum(b)`, []string{`b`, `a`}},
		"the selector under a range":                        {`sum(rate(requests_total{code="500"}[5m]))`, []string{`requests_total{code="500"}`}},
		"a quantile over buckets":                           {`histogram_quantile(0.99, sum by (le) (rate(d_bucket[10s])))`, []string{`d_bucket`}},
		"the selector under a subquery":                     {`max_over_time(rate(x[1m])[5m:1s])`, []string{`x`}},
		"an offset stays":                                   {`x offset 5m`, []string{`x offset 5m`}},
		"an offset into the future stays":                   {`x offset -5m`, []string{`x offset -5m`}},
		"offsets of subqueries add up":                      {`max_over_time((x offset 1m)[5m:1s] offset 1h)`, []string{`x offset 1h1m`}},
		"@ stays":                                           {`x @ 1700000000`, []string{`x @ 1700000000.000`}},
		"@ of a subquery comes down":                        {`max_over_time(x[5m:1s] @ end() offset 1m)`, []string{`x @ end() offset 1m`}},
		"the innermost @ wins":                              {`max_over_time((x @ start())[5m:1s] @ end() offset 1m)`, []string{`x @ start()`}},
		"one metric at two times is two":                    {`x / (x offset 1m)`, []string{`x`, `x offset 1m`}},
		"a name by matcher":                                 {`{__name__="x.y"}`, []string{`{__name__="x.y"}`}},
		"alerts are exempt":                                 {`ALERTS{alertstate="firing"}`, nil},
		"the state of alerts is exempt":                     {`ALERTS_FOR_STATE`, nil},
		"alerts by matcher are exempt":                      {`{__name__="ALERTS"}`, nil},
		"alerts by their labels alone are exempt":           {`{alertname="Down",alertstate="firing"}`, nil},
		"what is recorded for SLOs is exempt":               {`min(ballast_slo:error_budget_remaining:ratio{slo="a"})`, nil},
		"a metric of another name with such a label is not": {`notifications{alertname="Down"}`, []string{`notifications{alertname="Down"}`}},
		"a selector without a name is not":                  {`{job="monitor"}`, []string{`{job="monitor"}`}},
		"under absent":                                      {`absent(up{job="x"}) or vector(0)`, nil},
		"under absent_over_time, deep":                      {`absent_over_time(rate(x[1m])[5m:]) + y`, []string{`y`}},
		"no selector at all":                                {`vector(1) + time()`, nil},
		"unless and or hide nothing":                        {`(a or vector(0)) unless b`, []string{`a`, `b`}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := prom.Selectors(tc.expr)
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("Selectors(%s) = %q, %v, want %q", tc.expr, got, err, tc.want)
			}
		})
	}
	for _, bad := range []string{"", "sum(", "up{", "rate(x)", "x offset 99y + max_over_time((x offset 99y)[1m:1s] offset 99y)"} {
		if got, err := prom.Selectors(bad); !errors.Is(err, prom.ErrBadQuery) {
			t.Errorf("Selectors(%q) = %q, %v, want a bad query", bad, got, err)
		}
	}
}

func TestMaxRange(t *testing.T) {
	for expr, want := range map[string]time.Duration{
		`up`:                                  0,
		`vector(1)`:                           0,
		`rate(x[5m])`:                         5 * time.Minute,
		`rate(x[5m] offset 1h)`:               65 * time.Minute,
		`rate(x[5m]) / rate(y[1h])`:           time.Hour,
		`max_over_time(rate(x[1m])[1h:10s])`:  61 * time.Minute,
		`max_over_time(x[1h:10s] offset 30m)`: 90 * time.Minute,
		`x offset -1h`:                        0,
		`rate(x[1m] offset -1h)`:              0,
		`rate(x[5m] @ 1700000000) + y[1m:1s] offset 1m > 0`: 0,
		`rate(x[5m] @ end())`:                               0,
	} {
		got, err := prom.MaxRange(expr)
		if _, bad := parser.NewParser(parser.Options{}).ParseExpr(expr); bad != nil {
			if !errors.Is(err, prom.ErrBadQuery) {
				t.Errorf("MaxRange(%s) = %s, %v, want a bad query", expr, got, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("MaxRange(%s) = %s, %v, want %s", expr, got, err, want)
		}
	}
}

func FuzzSelectors(f *testing.F) {
	for _, seed := range []string{
		`up`, `sum(rate(x{a=~"b|c"}[5m] offset 1m))`, `max_over_time(x[5m:1s] @ end() offset -1m)`,
		`absent(x) or ALERTS`, `{"a.b"}`, `{__name__=~".+", "ü"="1"}`, `x offset 99y`, `x @ -1.5`, `""`,
	} {
		f.Add(seed)
	}
	p := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, expr string) {
		got, err := prom.Selectors(expr)
		if reach, rangeErr := prom.MaxRange(expr); (err == nil) != (rangeErr == nil) || reach < 0 {
			t.Errorf("Selectors says %v, MaxRange %s, %v", err, reach, rangeErr)
		}
		if err != nil {
			if !errors.Is(err, prom.ErrBadQuery) {
				t.Errorf("%v is not a bad query", err)
			}
			return
		}
		for _, s := range got {
			tree, err := p.ParseExpr(s)
			if err != nil {
				t.Errorf("%q of %q does not parse: %v", s, expr, err)
				continue
			}
			again, err := prom.Selectors(s)
			if err != nil || !slices.Equal(again, []string{s}) {
				t.Errorf("%q of %q is not its own selector: %q, %v (%T)", s, expr, again, err, tree)
			}
		}
	})
}
