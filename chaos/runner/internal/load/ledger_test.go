package load

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// entry is one recorded outcome.
type entry struct {
	Outcome string
	D       time.Duration
}

func newTestLedger(rate float64) (*ledger, *[]entry, func(ms int) time.Time) {
	start := time.Unix(1000, 0)
	var book []entry
	l := newLedger(schedule{start: start, rate: rate}, time.Second, func(o string, d time.Duration) {
		book = append(book, entry{o, d})
	})
	return l, &book, func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
}

func TestLedgerGivesEachRequestOneOutcome(t *testing.T) {
	// At 10/s request n is due at n × 100 ms.
	tests := map[string]struct {
		do   func(l *ledger, at func(ms int) time.Time)
		want []entry
	}{
		"a success counts with its time since it was due": {
			do:   func(l *ledger, at func(int) time.Time) { l.settle(1, true, at(130), at(131)) },
			want: []entry{{outcomeSuccess, 30 * time.Millisecond}},
		},
		"a fast failure counts with its own time": {
			do:   func(l *ledger, at func(int) time.Time) { l.settle(0, false, at(2), at(2)) },
			want: []entry{{outcomeError, 2 * time.Millisecond}},
		},
		"nothing is overdue before the timeout": {
			do: func(l *ledger, at func(int) time.Time) { l.overdue(at(999)) },
		},
		"a missing answer is an error of the timeout the moment it is over": {
			do:   func(l *ledger, at func(int) time.Time) { l.overdue(at(1000)) },
			want: []entry{{outcomeError, time.Second}},
		},
		"an answer after its time changes nothing": {
			do: func(l *ledger, at func(int) time.Time) {
				l.overdue(at(1050))
				l.settle(0, true, at(1060), at(1060))
			},
			want: []entry{{outcomeError, time.Second}},
		},
		"an answer is not counted twice": {
			do: func(l *ledger, at func(int) time.Time) {
				l.settle(0, true, at(10), at(10))
				l.settle(0, true, at(11), at(11))
				l.overdue(at(1050))
			},
			want: []entry{{outcomeSuccess, 10 * time.Millisecond}},
		},
		"a long stall yields one error for each request of it": {
			do:   func(l *ledger, at func(int) time.Time) { l.overdue(at(1200)) },
			want: []entry{{outcomeError, time.Second}, {outcomeError, time.Second}, {outcomeError, time.Second}},
		},
		"requests under way at the end count as nothing": {
			do: func(l *ledger, at func(int) time.Time) {
				l.close(at(500))
				l.settle(2, false, at(600), at(600))
				l.overdue(at(9000))
			},
		},
		"a clock that reads a little early is no negative duration": {
			do:   func(l *ledger, at func(int) time.Time) { l.settle(1, true, at(99), at(100)) },
			want: []entry{{outcomeSuccess, 0}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, book, at := newTestLedger(10)
			tt.do(l, at)
			if d := cmp.Diff(tt.want, *book); d != "" {
				t.Errorf("outcomes (-want +got):\n%s", d)
			}
		})
	}
}

// However answers are lost, late or out of order, the totals equal the schedule.
func TestLedgerTotalsEqualTheSchedule(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		l, book, at := newTestLedger(250)
		type answer struct {
			n  uint64
			ms int
		}
		var open []answer
		for ms := range 5000 {
			if ms%4 == 0 && rng.IntN(10) > 0 { // one in ten never answers
				open = append(open, answer{uint64(ms / 4), ms + rng.IntN(1500)})
			}
			keep := open[:0]
			for _, a := range open {
				if a.ms <= ms {
					l.settle(a.n, true, at(a.ms), at(ms))
				} else {
					keep = append(keep, a)
				}
			}
			open = keep
		}
		l.overdue(at(6000))
		s := l.snapshot(at(6000))
		if want := uint64(1251); uint64(len(*book)) != want || s.Success+s.Errors != want {
			t.Fatalf("outcomes = %d, stats = %+v, want %d in all", len(*book), s, want)
		}
		if s.Scheduled != 1501 {
			t.Fatalf("scheduled = %d, want 1501", s.Scheduled)
		}
	}
}
