package prom_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the runner's engine asks for; it declares the same interface.
var _ interface {
	Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error)
	Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error)
} = (*prom.Client)(nil)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(second float64) time.Time { return epoch.Add(time.Duration(second * float64(time.Second))) }

// counter is one series with a sample every second of each span, both ends
// included, that counts the seconds since epoch.
func counter(name, instance string, spans ...[2]int) prom.Series {
	s := prom.Series{Labels: map[string]string{"__name__": name, "instance": instance}}
	for _, span := range spans {
		for i := span[0]; i <= span[1]; i++ {
			s.Points = append(s.Points, prom.Sample{T: at(float64(i)), V: float64(i)})
		}
	}
	return s
}

func history(t testing.TB) *promserver.Server {
	t.Helper()
	s, err := promserver.Open(promserver.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	whole := [2]int{0, 60}
	nan := counter("nan", "a", whole)
	for i := range nan.Points {
		nan.Points[i].V = math.NaN()
	}
	err = s.Backfill(t.Context(), []prom.Series{
		counter("steady", "a", whole),
		counter("pair", "a", whole), counter("pair", "b", whole),
		counter("half", "a", whole), counter("half", "b", [2]int{0, 30}),
		counter("gone", "a", [2]int{0, 30}),
		counter("late", "a", [2]int{40, 60}),
		counter("gap", "a", [2]int{0, 20}, [2]int{30, 60}),
		nan,
		{Labels: map[string]string{"__name__": "ALERTS", "alertname": "Old", "alertstate": "firing"}, Points: []prom.Sample{{T: at(1), V: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func client(t testing.TB, s *promserver.Server, maxAge time.Duration) *prom.Client {
	t.Helper()
	return newClient(t, prom.Config{URL: "http://embedded", RoundTripper: promserver.Transport(s.Handler()), MaxAge: maxAge, Timeout: time.Minute})
}

func TestInstant(t *testing.T) {
	s := history(t)
	fresh, lax := client(t, s, 3*time.Second), client(t, s, 0)
	for name, tc := range map[string]struct {
		expr   string
		at     float64
		value  float64
		want   error // with a maximum age
		lax    error // without one
		saying string
	}{
		"a fresh series":                         {expr: `steady`, at: 60.5, value: 60},
		"a sample as old as may be":              {expr: `steady`, at: 63, value: 60},
		"a sample a millisecond too old":         {expr: `steady`, at: 63.001, want: prom.ErrStale, value: 60, saying: "3.001s old"},
		"a rate over fresh samples":              {expr: `sum(rate(pair[10s]))`, at: 60, value: 2},
		"a scalar":                               {expr: `1 + 1`, at: 60, value: 2},
		"vector(1), the preflight query":         {expr: `vector(1)`, at: 60, value: 1},
		"a metric that never was":                {expr: `missing`, at: 60, want: prom.ErrNoData, lax: prom.ErrNoData},
		"a default for a metric that never was":  {expr: `sum(rate(missing[10s])) or vector(0)`, at: 60, want: prom.ErrNoData, saying: "missing has no sample"},
		"a range that still sees what is gone":   {expr: `sum(increase(gone[60s])) > 0`, at: 55, want: prom.ErrStale, value: math.NaN(), saying: "gone is 25s old"},
		"one of two series is still fresh":       {expr: `sum(half)`, at: 60, value: 90},
		"one of two selectors is stale":          {expr: `steady - on() gone`, at: 60, want: prom.ErrStale, value: 30},
		"missing goes before stale":              {expr: `sum(steady) + sum(gone or missing)`, at: 60, want: prom.ErrNoData, value: 90},
		"no match of a fresh selector":           {expr: `steady > 100`, at: 60, want: prom.ErrNoData, lax: prom.ErrNoData},
		"several series":                         {expr: `pair`, at: 60, want: prom.ErrManySeries, lax: prom.ErrManySeries, saying: `instance="b"`},
		"NaN":                                    {expr: `nan`, at: 60, want: prom.ErrNotFinite, lax: prom.ErrNotFinite},
		"zero by zero":                           {expr: `(steady - steady) / (steady - steady)`, at: 60, want: prom.ErrNotFinite, lax: prom.ErrNotFinite},
		"infinity":                               {expr: `steady / 0`, at: 60, want: prom.ErrNotFinite, lax: prom.ErrNotFinite},
		"an offset to when it was fresh":         {expr: `gone offset 30s`, at: 60, value: 30},
		"an offset to when it was stale":         {expr: `gone offset 20s`, at: 60, want: prom.ErrStale, value: 30, saying: "10s old"},
		"@ a time when it was fresh":             {expr: `gone @ 1767225630`, at: 60, value: 30},
		"@ a time when it was stale":             {expr: `gone @ 1767225640`, at: 60, want: prom.ErrStale, value: 30},
		"a subquery that ends when it was fresh": {expr: `max_over_time(gone[10s:1s] offset 30s)`, at: 60, value: 30},
		"a subquery that ends when it was stale": {expr: `max_over_time(gone[50s:1s] offset 20s)`, at: 60, want: prom.ErrStale, value: 30},
		"absent of a metric that never was":      {expr: `absent(missing)`, at: 60, value: 1},
		"an alert that fires, however old":       {expr: `ALERTS{alertname="Old"}`, at: 60, value: 1},
		"an alert that does not fire":            {expr: `ALERTS{alertname="New"}`, at: 60, want: prom.ErrNoData, lax: prom.ErrNoData},
		"a count of alerts that do not fire":     {expr: `count(ALERTS{alertname="New"}) or vector(0)`, at: 60, value: 0},
		"before anything was scraped":            {expr: `late`, at: 20, want: prom.ErrNoData, lax: prom.ErrNoData},
		"an expression that does not parse":      {expr: `sum(`, at: 60, want: prom.ErrBadQuery, lax: prom.ErrBadQuery},
		"an expression that cannot be evaluated": {expr: `steady + on() pair`, at: 60, want: prom.ErrBadQuery, lax: prom.ErrBadQuery},
		"a range vector":                         {expr: `steady[5s]`, at: 60, want: prom.ErrBadQuery, lax: prom.ErrBadQuery},
		"several metrics under one selector":     {expr: `sum({__name__=~"steady|gone"})`, at: 60, want: prom.ErrBadQuery, value: 90, saying: "same labelset"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				*prom.Client
				want error
			}{{fresh, tc.want}, {lax, tc.lax}} {
				got, err := c.Instant(t.Context(), tc.expr, at(tc.at))
				if !errors.Is(err, c.want) {
					t.Fatalf("%v, %v, want %v", got, err, c.want)
				}
				if c.want != nil {
					if c.Client == fresh && !strings.Contains(err.Error(), tc.saying) {
						t.Errorf("%q does not say %q", err, tc.saying)
					}
					continue
				}
				if !got.T.Equal(at(tc.at)) || got.V != tc.value && !math.IsNaN(tc.value) {
					t.Errorf("got %v, want %v at %v", got, tc.value, at(tc.at))
				}
			}
		})
	}
}

func TestRangeDropsStepsThatCannotBeTrusted(t *testing.T) {
	s := history(t)
	c := client(t, s, 3*time.Second)
	w := prom.Window{Start: at(0), End: at(60), Step: time.Second}
	for name, tc := range map[string]struct {
		expr  string
		kept  [][2]int // seconds, both ends included
		count int      // series
	}{
		"always fresh":                        {`steady`, [][2]int{{0, 60}}, 1},
		"two series":                          {`pair`, [][2]int{{0, 60}}, 2},
		"fresh until 3 s after the last":      {`gone`, [][2]int{{0, 33}}, 1},
		"not before the first":                {`late`, [][2]int{{40, 60}}, 1},
		"a gap begins 3 s late":               {`gap`, [][2]int{{0, 23}, {30, 60}}, 1},
		"a rate that would bridge the gap":    {`rate(gap[30s])`, [][2]int{{1, 23}, {30, 60}}, 1},
		"the worst of two selectors":          {`gone + gap`, [][2]int{{0, 23}, {30, 33}}, 1},
		"a stale selector empties every step": {`pair and on() missing or pair`, nil, 0},
		"an offset moves the gap":             {`gap offset 10s`, [][2]int{{10, 33}, {40, 60}}, 1},
		"@ end() of a fresh series":           {`steady @ end()`, [][2]int{{0, 60}}, 1},
		"@ end() of a stale one":              {`gone @ end()`, nil, 0},
		"@ start() of what comes later":       {`late @ start()`, nil, 0},
		"constants have no selector":          {`vector(1)`, [][2]int{{0, 60}}, 1},
		"time is a scalar":                    {`time()`, [][2]int{{0, 60}}, 1},
		"NaN is returned":                     {`nan`, [][2]int{{0, 60}}, 1},
		"infinity is returned":                {`steady / 0`, [][2]int{{0, 60}}, 1},
		"absent":                              {`absent(missing)`, [][2]int{{0, 60}}, 1},
		"alerts":                              {`ALERTS{alertname="New"}`, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Range(t.Context(), tc.expr, w)
			if err != nil || len(got) != tc.count {
				t.Fatalf("%v, %v, want %d series", got, err, tc.count)
			}
			want := map[time.Time]bool{}
			for _, span := range tc.kept {
				for i := span[0]; i <= span[1]; i++ {
					want[at(float64(i))] = true
				}
			}
			for _, series := range got {
				if len(series.Points) != len(want) {
					t.Errorf("%v has %d points, want %d", series.Labels, len(series.Points), len(want))
				}
				for i, p := range series.Points {
					if !want[p.T] {
						t.Errorf("%v has a point at %s", series.Labels, p.T.Sub(epoch))
					}
					if i > 0 && !p.T.After(series.Points[i-1].T) {
						t.Errorf("points are not ascending at %s", p.T.Sub(epoch))
					}
				}
			}
		})
	}
}

func TestRangeOfAnyAgeReadsWhatARuleReads(t *testing.T) {
	c := client(t, history(t), 2*time.Second)
	w := prom.Window{Start: at(15), End: at(35), Step: time.Second}
	for name, tt := range map[string]struct {
		read func(context.Context, string, prom.Window) ([]prom.Series, error)
		want int
	}{
		"samples of any age":           {c.RangeOfAnyAge, 21},
		"samples that are fresh alone": {c.Range, 14}, // none from 23 to 29
	} {
		got, err := tt.read(t.Context(), "gap", w)
		if err != nil || len(got) != 1 || len(got[0].Points) != tt.want {
			t.Errorf("%s: %v, %v, want %d points", name, got, err, tt.want)
		}
	}
	w.Step = 0
	if _, err := c.RangeOfAnyAge(t.Context(), "gap", w); !errors.Is(err, prom.ErrBadQuery) {
		t.Errorf("a window without a step: %v", err)
	}
}

func TestRangeAnswersOffTheWholeMillisecond(t *testing.T) {
	c := client(t, history(t), 3*time.Second)
	for _, d := range []time.Duration{0, 1, 499 * time.Microsecond, 500 * time.Microsecond, 999999} {
		w := prom.Window{Start: at(10).Add(d), End: at(20).Add(d), Step: time.Second}
		for _, expr := range []string{`steady`, `steady @ start()`, `steady @ end()`} {
			if got, err := c.Range(t.Context(), expr, w); err != nil || len(got) != 1 || len(got[0].Points) != 11 {
				t.Errorf("%s from %s: %v, %v", expr, w.Start, got, err)
			}
		}
	}
}

func TestRangeOfManyPoints(t *testing.T) {
	c := client(t, history(t), 3*time.Second)
	got, err := c.Range(t.Context(), `steady`, prom.Window{Start: at(0), End: at(60), Step: 5 * time.Millisecond})
	if err != nil || len(got) != 1 || len(got[0].Points) != 12_001 {
		t.Fatalf("%d series, %v", len(got), err)
	}
}
