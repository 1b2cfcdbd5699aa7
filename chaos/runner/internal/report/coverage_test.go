package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

func TestTheShareUnderFaultIsDrawnInSteps(t *testing.T) {
	run := passRun()
	w := windowOf(run)
	line := coverLine(run.Evidence.Series.Coverage[0], *run.T0, w, time.Second)
	if !slices.IsSortedFunc(line, func(a, b chart.Point) int { return a.T.Compare(b.T) }) {
		t.Error("the points are out of order")
	}
	at := func(sec float64) (v float64, known bool) {
		for _, p := range line {
			if d := p.T.Sub(*run.T0).Seconds() - sec; d > -0.5 && d <= 0.5 {
				v, known = p.V, true
			}
		}
		return v, known
	}
	for sec, want := range map[float64]float64{-5: 0, 0.4: 0, 5: 1.0 / 3, 15: 0.25, 30: 1.0 / 3, 45: 0} {
		if v, known := at(sec); !known || v != want {
			t.Errorf("at %v s: %v, %v, want %v", sec, v, known, want)
		}
	}
	if _, known := at(24); known {
		t.Error("what the target could not say is drawn")
	}
	if f := coverFigures("x", run, w); len(f) != 1 || len(f[0].Charts[0].Gaps) == 0 || !strings.Contains(f[0].Caption, "from 25% to 33.3%") {
		t.Errorf("%+v", f)
	}
}

func TestALongRunHasNoMorePointsThanAScreenShows(t *testing.T) {
	run := passRun()
	w := windowOf(run)
	w.To = w.From.Add(maxSpan)
	run.Evidence.Series.Coverage[0].Until = result.InSeconds(2 * maxSpan)
	step := max(time.Second, w.To.Sub(w.From)/coverPoints)
	if n := len(coverLine(run.Evidence.Series.Coverage[0], *run.T0, w, step)); n > 2*coverPoints {
		t.Errorf("%d points", n)
	}
}

func TestNothingIsDrawnWhereNothingWasInjected(t *testing.T) {
	run := controlRun()
	if f, c := coverFigures("x", run, windowOf(run)), covered(run); len(f) > 0 || len(c) > 0 {
		t.Errorf("%+v, %+v", f, c)
	}
}
