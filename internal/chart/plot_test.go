package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"html"
	"html/template"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// epoch is a moment for tests.
var epoch = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

func minute() Window {
	return Window{From: epoch, To: epoch.Add(time.Minute), Zero: epoch.Add(10 * time.Second)}
}

// steps are points at every second of a minute.
func steps(value func(i int) float64) []Point {
	var out []Point
	for i := range 61 {
		out = append(out, Point{epoch.Add(time.Duration(i) * time.Second), value(i)})
	}
	return out
}

// render writes data with one of the room's templates and checks that it is well formed.
func render(t *testing.T, name string, data any) string {
	t.Helper()
	page, err := Templates(template.New("page"))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := page.ExecuteTemplate(&buf, name, data); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(buf.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well formed: %v\n%s", err, &buf)
		}
	}
	return html.UnescapeString(buf.String())
}

func TestAFigureShowsAValueBeyondItsBound(t *testing.T) {
	p := Plot{
		ID: "a", Title: "errors", Caption: "share of bad requests", Unit: Percent, Step: time.Second, Height: 200,
		Series: []Series{{Points: steps(func(i int) float64 {
			if i == 20 {
				return 0.4
			}
			return 0
		})}},
		Bounds: []Bound{{Value: 0.001, Label: "at most 0.1%"}},
	}
	n := Annotations{
		Shades:  []Band{{Span{epoch.Add(10 * time.Second), epoch.Add(40 * time.Second)}, "fault", "fault"}},
		Moments: []Moment{{epoch.Add(12 * time.Second), "confirmed"}},
	}
	f := p.Draw(minute(), n, Sizes()...)
	text := render(t, "figure", f)
	for _, want := range []string{
		"logarithmic scale", "errors: highest 40% at +10 s. at most 0.1%.", "fault from 0 s to +30 s", "confirmed at +2 s", "beyond it",
		`id="a-wide-t"`, `id="a-narrow-t"`, "clip-path",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if len(f.Charts) != 2 || len(f.Charts[0].Gaps) != 0 {
		t.Errorf("%d charts, gaps %v", len(f.Charts), f.Charts[0].Gaps)
	}
}

func TestSeveralSeriesKeepTheirColours(t *testing.T) {
	p := Plot{
		ID: "b", Title: "duration", Unit: Seconds, Step: time.Second, Height: 200,
		Series: []Series{
			{Name: "p50", Points: steps(func(int) float64 { return 1 })},
			{Name: "p99", Points: steps(func(int) float64 { return 3 })[:30]},
		},
		Bounds: []Bound{{Value: 2, Label: "objective"}},
	}
	w := minute()
	w.Zero = time.Time{}
	f := p.Draw(w, Annotations{}, Size{ID: "-tile", Width: 480, Left: 50, Right: 470})
	if len(f.Charts[0].Bad) != 0 {
		t.Error("one colour for what is beyond the bound hides which series it is")
	}
	if len(f.Charts[0].Gaps) != 0 {
		t.Errorf("only one series ends early: %v", f.Charts[0].Gaps)
	}
	text := render(t, "figure", f)
	for _, want := range []string{"p50", "line s1", "line s2", "highest 1 s at 3 Nov 09:00:00 UTC; p99 highest 3 s", ">09:00:30<"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestAPlotWithoutDataSaysSo(t *testing.T) {
	for name, series := range map[string][]Series{"no series": nil, "an empty series": {{}}, "two empty ones": {{Name: "a"}, {Name: "b"}}} {
		f := Plot{ID: "c", Title: "errors", Unit: Percent, Series: series, Step: time.Second, Height: 200}.Draw(minute(), Annotations{}, Sizes()...)
		text := render(t, "figure", f)
		if !strings.Contains(text, "errors: no data.") || len(f.Charts[0].Gaps) != 1 {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestGapsOfSeveralSeriesAreWhatNoneHas(t *testing.T) {
	at := func(a, b int) Span {
		return Span{epoch.Add(time.Duration(a) * time.Second), epoch.Add(time.Duration(b) * time.Second)}
	}
	got := common([]Span{at(0, 10), at(20, 30)}, []Span{at(5, 25), at(30, 40)})
	if len(got) != 2 || got[0] != at(5, 10) || got[1] != at(20, 25) {
		t.Errorf("got %v", got)
	}
}

func TestADayIsLabelledByTheClock(t *testing.T) {
	w := Window{From: epoch, To: epoch.Add(24 * time.Hour)}
	var labels []string
	for _, m := range newFrame(w, Sizes()[1], 100, 26, 24).marks() {
		labels = append(labels, m.Label)
	}
	if got := strings.Join(labels, " "); got != "12:00 18:00 00:00 06:00" {
		t.Errorf("marks: %s", got)
	}
}

func TestALaneShowsStatesAndWhatWasExpected(t *testing.T) {
	l := Lane{
		ID: "d", Title: "Alert Burn", Description: "Fired 4 s after the fault began.",
		Thin:     []Band{{Span{epoch, epoch.Add(5 * time.Second)}, "pending", "pending"}},
		Full:     []Band{{Span{epoch.Add(5 * time.Second), epoch.Add(30 * time.Second)}, "firing", "firing"}},
		Expected: &Span{epoch.Add(2 * time.Second), epoch.Add(8 * time.Second)},
	}
	for _, row := range l.Draw(minute(), Annotations{}, Sizes()...) {
		text := render(t, "lane", row)
		for _, want := range []string{`class="pending"`, `class="firing"`, ">firing<", `class="predicted"`, "Fired 4 s"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing", row.ID, want)
			}
		}
	}
	for _, a := range TimeAxes(minute(), Annotations{}, Sizes()...) {
		if text := render(t, "timeaxis", a); !strings.Contains(text, ">+30 s<") {
			t.Errorf("axis: %s", text)
		}
	}
}

func TestABarStandsBesideItsLimit(t *testing.T) {
	limit := func(v float64) *float64 { return &v }
	for name, tt := range map[string]struct {
		value float64
		limit *float64
		want  Bar
	}{
		"within":          {0.5, limit(1), Bar{Value: 40, Limit: 80, HasLimit: true}},
		"over":            {4, limit(1), Bar{Value: 100, Limit: 25, HasLimit: true, Over: true}},
		"no limit":        {4, nil, Bar{Value: 100}},
		"nothing at all":  {0, nil, Bar{}},
		"nothing allowed": {0, limit(0), Bar{HasLimit: true}},
		"below zero":      {-1, limit(1), Bar{Limit: 80, HasLimit: true}},
	} {
		got := NewBar("", tt.value, tt.limit)
		if math.Abs(got.Value-tt.want.Value) > 1e-9 || math.Abs(got.Limit-tt.want.Limit) > 1e-9 || got.Over != tt.want.Over || got.HasLimit != tt.want.HasLimit {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	if text := render(t, "bar", NewBar("spent", 4, limit(1))); !strings.Contains(text, `class="over"`) {
		t.Errorf("bar: %s", text)
	}
}

func TestTheStyleHasDarkAndLight(t *testing.T) {
	css, err := Stylesheet()
	if err != nil || !strings.Contains(string(css), "prefers-color-scheme: dark") || strings.Contains(string(css), "http") {
		t.Errorf("style: %v\n%s", err, css)
	}
}
