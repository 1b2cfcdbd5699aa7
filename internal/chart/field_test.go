package chart

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

// minutes are points a minute apart, from noon on; what is not a number is missing.
func minutes(values ...float64) []Point {
	var out []Point
	for i, v := range values {
		if v == v { //nolint:gocritic // NaN
			out = append(out, Point{noon().Add(time.Duration(i) * time.Minute), v})
		}
	}
	return out
}

func field(lines ...Line) Field {
	return Field{Unit: func(v, _ float64) string { return fmt.Sprint(v) }, Lines: lines, Step: time.Minute, Width: 400, Height: 100}
}

func upTo(n int) Window { return Window{From: noon(), To: noon().Add(time.Duration(n) * time.Minute)} }

func paths(v FieldView) string {
	var all []string
	for _, s := range v.Strokes {
		all = append(all, s.Class+" "+s.Path)
	}
	return strings.Join(all, ", ")
}

func TestAFieldDrawsItsLinesWithoutWhatIsMissing(t *testing.T) {
	nan := minutes(0)[0].V / minutes(0)[0].V
	v := field(Line{Series: Series{Name: "a", Points: minutes(0, 10, nan, nan, 5)}, Fill: 0.1}).Layout(upTo(4))
	// The scale ends a tenth above the highest value.
	if got, want := paths(v), "s1 M0 100L100 9.1, s1 M400 54.5h0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(v.Areas) != 1 || v.Areas[0].Path != "M0 100L100 9.1V100H0Z" {
		t.Errorf("%+v", v.Areas)
	}
	if len(v.Ticks) != 3 || v.Ticks[0].Label != "0" || v.Longest != "10" {
		t.Errorf("%+v, %q", v.Ticks, v.Longest)
	}
}

func TestStackedLinesStandOnEachOther(t *testing.T) {
	f := field(Line{Series: Series{Name: "a", Points: minutes(1, 1)}, Fill: 0.4}, Line{Series: Series{Name: "b", Points: minutes(2, 2)}, Fill: 0.4, Dashed: true})
	f.Stacked, f.Ends = true, Ends{Most: new(4.0)}
	v := f.Layout(upTo(1))
	if got, want := paths(v), "s1 M0 75L400 75, s2 M0 25L400 25"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if v.Areas[1].Path != "M0 25L400 25L400 75L0 75Z" || v.Areas[1].Class != "s2 dense" || !v.Strokes[1].Dashed {
		t.Errorf("%+v", v)
	}
	if f.Lines[1].Points[0].V != 2 {
		t.Error("the series were changed")
	}
}

func TestLimitsAndRegionsLieAcrossTheField(t *testing.T) {
	f := field(Line{Series: Series{Points: minutes(0, 4)}})
	f.Ends = Ends{Most: new(4.0)}
	f.Limits = []Limit{{1, "--c:red"}, {9, "--c:blue"}}
	f.Regions = []Region{{Span: Span{noon().Add(15 * time.Second), noon().Add(30 * time.Second)}, Label: "a"}, {Span: Span{noon(), noon()}, Label: "b"}}
	v := f.Layout(upTo(1))
	if len(v.Limits) != 1 || v.Limits[0].Y != 75 {
		t.Errorf("%+v", v.Limits)
	}
	if len(v.Regions) != 2 || v.Regions[0].Left != 25 || v.Regions[0].Width != 25 || v.Regions[1].Width != 0 {
		t.Errorf("%+v", v.Regions)
	}
}

func TestALogarithmicFieldHasNoZeros(t *testing.T) {
	f := field(Line{Series: Series{Points: minutes(0, 10, 1000)}})
	f.Log = true
	if v := f.Layout(upTo(2)); v.Ticks[0].Label != "10" || v.Ticks[len(v.Ticks)-1].Label != "1000" {
		t.Errorf("%+v", v.Ticks)
	}
}

func TestAFieldWithoutPointsHasItsAxes(t *testing.T) {
	if v := field().Layout(upTo(60)); len(v.Ticks) == 0 || len(v.Times.Places) == 0 || len(v.Strokes) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestLabelsAtTheEndsOfTheTimeAxisDoNotHangOver(t *testing.T) {
	v := field().Layout(upTo(60))
	places := v.Times.Places
	first, last := places[0], places[len(places)-1]
	if first.Anchor != "start" || first.Label != "12:00" || first.Rank != 3 || last.Anchor != "end" || places[1].Rank != 1 || v.Times.UpTo != 8 {
		t.Errorf("%+v", v.Times)
	}
}

func TestStatesThatLookTheSameAreOneCell(t *testing.T) {
	at := func(minute int, label string) StatePoint {
		return StatePoint{T: noon().Add(time.Duration(minute) * time.Minute), Label: label}
	}
	points := []StatePoint{at(0, "up"), at(1, "up"), at(2, "down"), at(3, "up"), at(6, "up")}
	v := States(upTo(10), time.Minute, 100, []string{"a"}, [][]StatePoint{points}, []Region{{Span: Span{noon(), noon().Add(time.Minute)}}})
	var got []string
	for _, c := range v.Lines[0].Cells {
		got = append(got, fmt.Sprintf("%s %.0f+%.0f", c.Label, c.Left, c.Width))
	}
	if all, want := strings.Join(got, ", "), "up 0+20, down 20+10, up 30+10, up 60+10"; all != want {
		t.Errorf("%s, want %s", all, want)
	}
	if len(v.Regions) != 1 || v.Regions[0].Width != 10 {
		t.Errorf("%+v", v.Regions)
	}
}
