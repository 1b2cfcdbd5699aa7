package engine

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/quick"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

var epoch = time.Unix(1_700_000_000, 0)

func after(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }

// between counts as the judge does: see judge.SteadySLO.
func between(steps []result.Count, a, b time.Time) (bad, total float64, span time.Duration, ok bool) {
	c := judge.SteadySLO(result.SLO{}, steps, a, b, nil)
	return c.Bad, c.Total, c.Over.Duration(), c.Trouble == nil
}

// missed is a step without a sample.
const missed = -1

// sli is one counter series with a value a second from the epoch on.
func sli(kind, instance string, values ...float64) prom.Series {
	s := prom.Series{Labels: map[string]string{sliLabel: kind, "instance": instance}}
	for i, v := range values {
		if v != missed {
			s.Points = append(s.Points, prom.Sample{T: after(float64(i)), V: v})
		}
	}
	return s
}

func TestEventsAreCountedOverResetsGapsAndNewSeries(t *testing.T) {
	for name, tc := range map[string]struct {
		series     []prom.Series
		from, to   float64
		bad, total float64
		span       float64
		none       bool
	}{
		"steady counters":                        {series: []prom.Series{sli("good", "a", 0, 9, 18), sli("total", "a", 0, 10, 20)}, to: 2, bad: 2, total: 20, span: 2},
		"only what comes after the first time":   {series: []prom.Series{sli("good", "a", 0, 5, 15), sli("total", "a", 0, 10, 20)}, from: 1, to: 2, total: 10, span: 1},
		"a time between two steps is the former": {series: []prom.Series{sli("good", "a", 0, 5, 15), sli("total", "a", 0, 10, 20)}, from: 0.9, to: 1.9, bad: 5, total: 10, span: 1},
		"a reset begins again at zero":           {series: []prom.Series{sli("good", "a", 100, 110, 4), sli("total", "a", 200, 210, 5)}, to: 2, bad: 1, total: 15, span: 2},
		"a series that is born counts from zero": {series: []prom.Series{sli("good", "a", 5, 5, 5), sli("total", "a", 5, 5, 5), sli("total", "error", missed, 3, 4)}, to: 2, bad: 4, total: 4, span: 2},
		"a series that vanishes counts no more":  {series: []prom.Series{sli("good", "a", 0, 1, 2), sli("total", "a", 0, 1, 2), sli("total", "b", 7, 8, missed)}, to: 2, bad: 1, total: 3, span: 2},
		"a series that returns goes on":          {series: []prom.Series{sli("good", "a", 0, 0, 0, 0), sli("total", "a", 0, 0, 0, 0), sli("total", "b", 7, missed, missed, 9)}, to: 3, bad: 2, total: 2, span: 3},
		"several instances add up":               {series: []prom.Series{sli("good", "a", 0, 1), sli("good", "b", 50, 51), sli("total", "a", 0, 2), sli("total", "b", 60, 64)}, to: 1, bad: 4, total: 6, span: 1},
		"good that runs ahead is not a credit":   {series: []prom.Series{sli("good", "a", 0, 11), sli("total", "a", 0, 10)}, to: 1, total: 10, span: 1},
		"a step without good is missing":         {series: []prom.Series{sli("good", "a", 0, 5, missed), sli("total", "a", 0, 6, 9)}, to: 2, bad: 1, total: 6, span: 1},
		"a step that is not a number is missing": {series: []prom.Series{sli("good", "a", 0, math.NaN(), 9), sli("total", "a", 0, 6, 10)}, to: 2, bad: 1, total: 10, span: 2},
		"an infinite step is missing":            {series: []prom.Series{sli("good", "a", 0, 5, 5), sli("total", "a", 0, 6, math.Inf(1))}, to: 2, bad: 1, total: 6, span: 1},
		"nothing before the first step":          {series: []prom.Series{sli("good", "a", missed, 5, 6), sli("total", "a", missed, 5, 7)}, to: 2, bad: 1, total: 2, span: 1},
		"one step is not a stretch":              {series: []prom.Series{sli("good", "a", 4), sli("total", "a", 5)}, to: 3, none: true},
		"no step at all":                         {to: 3, none: true},
		"the end lies before the first step":     {series: []prom.Series{sli("good", "a", missed, missed, 1, 2), sli("total", "a", missed, missed, 1, 2)}, to: 1, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			var tl tally
			tl.addRange(tc.series, prom.Window{Start: epoch, End: after(4), Step: time.Second}, &epoch)
			bad, total, span, ok := between(tl.steps, after(tc.from), after(tc.to))
			if ok == tc.none {
				t.Fatalf("counted: %v, %v of %v", ok, bad, total)
			}
			if want := time.Duration(tc.span * float64(time.Second)); ok && (bad != tc.bad || total != tc.total || span != want) {
				t.Errorf("got %v of %v in %s, want %v of %v in %s", bad, total, span, tc.bad, tc.total, want)
			}
		})
	}
}

// TestTheTallyEqualsWhatHappened drives random instances through births, deaths,
// resets and missed scrapes and compares the tally with their own books.
func TestTheTallyEqualsWhatHappened(t *testing.T) {
	property := func(seed uint64) bool {
		rng := rand.New(rand.NewPCG(seed, 7))
		const steps = 60
		type instance struct{ good, total, shown float64 }
		instances := make([]instance, 1+rng.IntN(4))
		series := map[string]*prom.Series{}
		var good, total [steps]float64 // what had happened by each step, as far as it was counted
		var unseen int                 // steps in a row that were not scraped
		var bad, all float64
		for step := range steps {
			scraped := step == 0 || step == steps-1 || rng.IntN(8) > 0
			for i := range instances {
				in := &instances[i]
				// A reset shows only where the counter has not yet overtaken what it was.
				if scraped && step > 0 && unseen == 0 && in.shown > 60 && rng.IntN(10) == 0 {
					in.good, in.total = 0, 0
				}
				n := float64(rng.IntN(50))
				failed := float64(rng.IntN(int(n) + 1))
				in.good, in.total = in.good+n-failed, in.total+n
				if step > 0 {
					bad, all = bad+failed, all+n
				}
				if in.good > in.total {
					t.Fatal("the books are wrong")
				}
			}
			good[step], total[step] = all-bad, all
			if !scraped {
				unseen++
				continue
			}
			unseen = 0
			for i := range instances {
				in := &instances[i]
				in.shown = min(in.good, in.total)
				for kind, v := range map[string]float64{"good": in.good, "total": in.total} {
					id := kind + strconv.Itoa(i)
					if series[id] == nil {
						series[id] = &prom.Series{Labels: map[string]string{sliLabel: kind, "instance": strconv.Itoa(i)}}
					}
					series[id].Points = append(series[id].Points, prom.Sample{T: after(float64(step)), V: v})
				}
			}
		}
		var answer []prom.Series
		for _, s := range series {
			answer = append(answer, *s)
		}
		var tl tally
		tl.addRange(answer, prom.Window{Start: epoch, End: after(steps - 1), Step: time.Second}, &epoch)
		bad, all, _, ok := between(tl.steps, epoch, after(steps-1))
		return ok && all == total[steps-1] && bad == total[steps-1]-good[steps-1]
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 500}); err != nil {
		t.Error(err)
	}
}

func TestASeriesThatComesLateInTheBaselineIsNotAnIncrease(t *testing.T) {
	w := prom.Window{Start: epoch, End: after(5), Step: time.Second}
	series := []prom.Series{
		sli("good", "a", 0, 10, 20, 30, 40, 50), sli("total", "a", 0, 10, 20, 30, 40, 50),
		sli("good", "b", missed, missed, 7000, 7010, 7020, 7030), sli("total", "b", missed, missed, 9000, 9010, 9020, 9030),
	}
	for name, tc := range map[string]struct {
		t0         *time.Time
		bad, total float64
	}{
		"before the fault it only came into sight":     {nil, 0, 80},
		"before a fault to come it is the same":        {ptr(after(3)), 0, 80},
		"after the fault it was born and counts whole": {ptr(after(1)), 2000, 9080},
	} {
		var tl tally
		tl.addRange(series, w, tc.t0)
		if bad, total, _, ok := between(tl.steps, epoch, after(5)); !ok || bad != tc.bad || total != tc.total {
			t.Errorf("%s: %v of %v, %v", name, bad, total, ok)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestCountsHaveTheTimeOfTheirScrape(t *testing.T) {
	age := sli("age", "", 0.4, 0.4, 1.4, 0.2)
	var tl tally
	tl.addRange([]prom.Series{sli("good", "a", 0, 10, 10, 20), sli("total", "a", 0, 10, 10, 20), age},
		prom.Window{Start: epoch, End: after(3), Step: time.Second}, nil)
	want := []float64{-0.4, 0.6, 2.8} // the third step shows the sample of the second again
	if len(tl.steps) != len(want) {
		t.Fatalf("%+v", tl.steps)
	}
	for i, at := range want {
		if !tl.steps[i].T.Equal(after(at)) {
			t.Errorf("step %d is of %s, want %s", i, tl.steps[i].T.Sub(epoch), after(at).Sub(epoch))
		}
	}
}
