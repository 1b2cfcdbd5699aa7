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
