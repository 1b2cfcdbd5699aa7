package judge

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

var epoch = time.Unix(1_700_000_000, 0).UTC()

func after(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }

// missed is a step without a sample.
const missed = -1

// counted is a count a second from the epoch on.
func counted(good, total []float64) counts {
	out := make(counts, len(total))
	for i := range total {
		out[i] = result.Count{T: after(float64(i)), Good: good[i], Total: total[i]}
		if good[i] == missed || total[i] == missed {
			out[i] = result.Count{T: after(float64(i)), Missing: true}
		}
	}
	return out
}

func TestGapsAreCountedInARow(t *testing.T) {
	tl := counted([]float64{0, missed, 2, missed, missed, missed, 6, missed}, []float64{0, 1, 2, missed, missed, missed, 6, missed})
	for _, tc := range []struct {
		from, to float64
		want     int
	}{{0, 7, 3}, {0, 2, 1}, {4, 7, 2}, {6, 6, 0}, {6, 7, 1}} {
		if got := tl.gap(after(tc.from), after(tc.to)); got != tc.want {
			t.Errorf("from %v to %v: %d steps in a row, want %d", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestTheSlowestStretchIsFoundWhereverItLies(t *testing.T) {
	tl := counted([]float64{0, 10, 20, 21, 22, 32, 42}, []float64{0, 10, 20, 21, 22, 32, 42})
	for _, tc := range []struct {
		from, to, stretch, want float64
	}{{0, 6, 2, 1}, {0, 2, 2, 10}, {0, 6, 60, 7}, {4, 6, 1, 10}, {0, 6, 4, 5.5}} {
		got, ok := tl.slowest(after(tc.from), after(tc.to), time.Duration(tc.stretch*float64(time.Second)), time.Second)
		if !ok || got != tc.want {
			t.Errorf("%+v: %v a second, %v", tc, got, ok)
		}
	}
	if _, ok := counts(nil).slowest(epoch, after(6), time.Second, time.Second); ok {
		t.Error("nothing counted has a rate")
	}
}

func TestTheLastBadEventIsFoundWithinTheStretchOnly(t *testing.T) {
	tl := counted([]float64{0, 10, 19, 29, 38, 48}, []float64{0, 10, 20, 30, 40, 50})
	for _, tc := range []struct{ from, to, want float64 }{{0, 5, 4}, {0, 3, 2}, {2, 3, missed}, {4, 5, missed}, {0, 1, missed}} {
		got, ok := tl.lastBad(after(tc.from), after(tc.to))
		if ok != (tc.want != missed) || ok && !got.Equal(after(tc.want)) {
			t.Errorf("%+v: %v, %v", tc, got, ok)
		}
	}
}

func TestOneBadEventIsAllowedAndNoMoreThanTheBudget(t *testing.T) {
	for _, tc := range []struct {
		bad, total float64
		want       bool
	}{{0, 10, true}, {1, 10, true}, {2, 10, false}, {2, 200, true}, {3, 200, false}} {
		if got := (events{bad: tc.bad, total: tc.total}).within(0.99); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func TestNoEventsHaveNoRatioAndNoRate(t *testing.T) {
	if e := (events{}); e.ratio() != 0 || e.rate() != 0 {
		t.Errorf("ratio %v, rate %v", e.ratio(), e.rate())
	}
	if e := (events{bad: 5, total: 20, span: 2 * time.Second}); e.ratio() != 0.25 || e.rate() != 10 {
		t.Errorf("ratio %v, rate %v", e.ratio(), e.rate())
	}
}

func TestACountThatEndsBeforeTheWatchIsNotComplete(t *testing.T) {
	whole := counted([]float64{0, 1, 2, 3}, []float64{0, 1, 2, 3})
	for name, tc := range map[string]struct {
		cs   counts
		at   float64
		want bool
	}{
		"the last step is a count":       {whole, 3.5, true},
		"the last step is missing":       {counted([]float64{0, 1, missed}, []float64{0, 1, missed}), 2.5, false},
		"a step is missing before it":    {counted([]float64{0, missed, 2}, []float64{0, missed, 2}), 2.5, true},
		"the last count is too old":      {whole, 7, false},
		"the last count is old enough":   {whole, 6, true},
		"there is no count at all":       {nil, 3, false},
		"there is none before that time": {whole[1:], 0.5, false},
	} {
		if got := tc.cs.ends(after(tc.at), 3*time.Second); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
