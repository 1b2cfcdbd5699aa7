package load

import (
	"testing"
	"time"
)

func TestScheduleCountsWhatIsDueExactly(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, rate := range []float64{0.1, 1, 3, 7, 99.9, 300, 1000, 20000} {
		s := schedule{start: start, rate: rate}
		for _, n := range []uint64{0, 1, 2, 3, 10, 99, 1000, 86_400, 10_000_019} {
			at := s.at(n)
			if got := s.due(at); got != n+1 {
				t.Errorf("rate %v: due(at(%d)) = %d, want %d", rate, n, got, n+1)
			}
			if got := s.due(at.Add(-1)); got != n {
				t.Errorf("rate %v: due just before at(%d) = %d, want %d", rate, n, got, n)
			}
			if got := s.before(at); got != n {
				t.Errorf("rate %v: before(at(%d)) = %d, want %d", rate, n, got, n)
			}
		}
	}
}

func TestScheduleDoesNotDrift(t *testing.T) {
	s := schedule{start: time.Unix(0, 0), rate: 3}
	if got, want := s.at(3*86_400), time.Unix(86_400, 0); !got.Equal(want) {
		t.Errorf("after a day at 3/s: %s, want %s", got, want)
	}
}

func TestAChangedRateLeavesWhatWasDueAsItWas(t *testing.T) {
	start := time.Unix(100, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	s := schedule{start: start, rate: 10}
	faster := s.from(at(250), 100) // 0, 100 and 200 ms are over
	slower := faster.from(at(300), 2)
	for name, tc := range map[string]struct {
		s    schedule
		want []int // ms at which requests are due, from the first on
	}{
		"without a change":    {s, []int{0, 100, 200, 300, 400}},
		"a faster rate":       {faster, []int{0, 100, 200, 260, 270, 280}},
		"and then a slow one": {slower, []int{0, 100, 200, 260, 270, 280, 290, 300, 800, 1300}},
	} {
		for n, ms := range tc.want {
			if got := tc.s.at(uint64(n)); !got.Equal(at(ms)) {
				t.Errorf("%s: request %d is due at %s, want %d ms", name, n, got.Sub(start), ms)
			}
			if got := tc.s.due(at(ms)); got != uint64(n+1) {
				t.Errorf("%s: at %d ms %d are due, want %d", name, ms, got, n+1)
			}
			if got := tc.s.before(at(ms)); got != uint64(n) {
				t.Errorf("%s: before %d ms %d are due, want %d", name, ms, got, n)
			}
		}
	}
	if len(s.changes) > 0 || len(faster.changes) != 1 {
		t.Error("a changed schedule is another one")
	}
}
