package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestARecorderSaysWhatWasSeenSinceItWasLastAsked(t *testing.T) {
	var r Recorder
	if got := r.Take(); got != (Seen{}) {
		t.Errorf("nothing was recorded: %+v", got)
	}
	for i := range 100 {
		r.outcome(i > 0, time.Duration(i+1)*time.Millisecond)
		r.sent(time.Duration(i) * time.Microsecond)
	}
	got := r.Take()
	if got.Success != 99 || got.Errors != 1 {
		t.Errorf("%+v, want 99 successes and an error", got)
	}
	for name, d := range map[string]struct{ got, want time.Duration }{
		"p50": {got.P50, 50 * time.Millisecond}, "p99": {got.P99, 99 * time.Millisecond}, "lag": {got.LagP99, 98 * time.Microsecond},
	} {
		if d.got < d.want || float64(d.got) > float64(d.want)*growth*1.001 {
			t.Errorf("%s is %s, want %s or two hundredths more", name, d.got, d.want)
		}
	}
	if got := r.Take(); got != (Seen{}) {
		t.Errorf("asked again at once: %+v", got)
	}
}

func TestQuantilesAreNeverBelowTheTrueOnes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s spread
		var all []time.Duration
		for range 1 + rng.IntN(500) {
			d := time.Duration(rng.Int64N(int64(maxTimeout)))
			if rng.IntN(3) == 0 {
				d = time.Duration(rng.Int64N(int64(50 * time.Millisecond)))
			}
			all = append(all, d)
			s.add(d)
		}
		slices.Sort(all)
		for _, q := range []float64{0.01, 0.5, 0.99, 1} {
			want := all[max(1, int(float64(len(all))*q+0.999999))-1]
			if got := s.quantile(q); got < want-1 || float64(got) > float64(max(want, narrowest))*growth*1.001 {
				t.Fatalf("quantile %v of %d is %s, want %s or two hundredths more", q, len(all), got, want)
			}
		}
	}
}

func TestWithoutARecorderNothingIsKept(_ *testing.T) {
	var none *Recorder
	none.outcome(true, time.Second)
	none.sent(time.Second)
}
