package load

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outcome is one recorded outcome.
type outcome struct {
	Why string // empty for a success
	D   time.Duration
}

func newTestLedger(rate float64) (*ledger, *[]outcome, func(ms int) time.Time) {
	start := time.Unix(1000, 0)
	var book []outcome
	l := newLedger(schedule{start: start, rate: rate}, rate, time.Second, func(why reason, d time.Duration) {
		book = append(book, outcome{why.String(), d})
	})
	return l, &book, func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
}

func TestLedgerGivesEachRequestOneOutcome(t *testing.T) {
	// At 10/s request n is due at n × 100 ms.
	tests := map[string]struct {
		do   func(l *ledger, at func(ms int) time.Time)
		want []outcome
	}{
		"a success counts with its time since it was due": {
			do:   func(l *ledger, at func(int) time.Time) { l.settle(1, true, at(130), at(131)) },
			want: []outcome{{"", 30 * time.Millisecond}},
		},
		"a fast failure counts with its own time and the reason last noted": {
			do: func(l *ledger, at func(int) time.Time) {
				l.mark(0, reasonConnect, at(0))
				l.mark(0, reasonTimeout, at(1))
				l.mark(0, reasonReset, at(2))
				l.settle(0, false, at(2), at(2))
			},
			want: []outcome{{"reset", 2 * time.Millisecond}},
		},
		"nothing is overdue before the timeout": {
			do: func(l *ledger, at func(int) time.Time) { l.overdue(at(999)) },
		},
		"what nobody heard of was not sent, the moment its time is over": {
			do:   func(l *ledger, at func(int) time.Time) { l.overdue(at(1000)) },
			want: []outcome{{"unsent", time.Second}},
		},
		"what never got a connection fails for that": {
			do: func(l *ledger, at func(int) time.Time) {
				l.mark(0, reasonConnect, at(1))
				l.overdue(at(1000))
			},
			want: []outcome{{"connect", time.Second}},
		},
		"an answer after its time changes nothing": {
			do: func(l *ledger, at func(int) time.Time) {
				l.mark(0, reasonTimeout, at(1))
				l.overdue(at(1050))
				l.mark(0, reasonReset, at(1055))
				l.settle(0, true, at(1060), at(1060))
			},
			want: []outcome{{"timeout", time.Second}},
		},
		"an answer is not counted twice": {
			do: func(l *ledger, at func(int) time.Time) {
				l.settle(0, true, at(10), at(10))
				l.settle(0, true, at(11), at(11))
				l.overdue(at(1050))
			},
			want: []outcome{{"", 10 * time.Millisecond}},
		},
		"a long stall yields one error for each request that was due in it": {
			do:   func(l *ledger, at func(int) time.Time) { l.overdue(at(1200)) },
			want: []outcome{{"unsent", time.Second}, {"unsent", time.Second}, {"unsent", time.Second}},
		},
		"requests under way at the end have all their time": {
			do: func(l *ledger, at func(int) time.Time) {
				l.endAt(at(201))
				l.settle(1, true, at(900), at(900))
				l.settle(2, true, at(1100), at(1100))
			},
			want: []outcome{{"", 800 * time.Millisecond}, {"unsent", time.Second}, {"", 900 * time.Millisecond}},
		},
		"nothing after the end counts": {
			do: func(l *ledger, at func(int) time.Time) {
				l.endAt(at(100)) // request 1 is due then: it is not scheduled
				l.endAt(at(500)) // the earlier end counts
				l.mark(1, reasonTimeout, at(200))
				l.settle(1, true, at(200), at(200))
				l.overdue(at(90_000))
			},
			want: []outcome{{"unsent", time.Second}},
		},
		"a clock that reads a little early gives no negative duration": {
			do:   func(l *ledger, at func(int) time.Time) { l.settle(1, true, at(99), at(100)) },
			want: []outcome{{"", 0}},
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

func TestSettleReturnsTheReasonThatWasCounted(t *testing.T) {
	l, _, at := newTestLedger(10)
	l.mark(0, reasonTimeout, at(1))
	l.mark(1, reasonTimeout, at(101))
	l.mark(2, reasonConnect, at(201))
	for _, step := range []struct {
		name string
		n    uint64
		ok   bool
		at   int
		want reason
	}{
		{"in time", 0, true, 500, reasonNone},
		{"again", 0, false, 600, reasonNone},
		{"too late", 1, true, 1101, reasonTimeout},
		{"too late, without a connection", 2, false, 1202, reasonConnect},
		{"unheard of, and far too late", 3, true, 30_000, reasonTimeout},
	} {
		if got := l.settle(step.n, step.ok, at(step.at), at(step.at)); got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
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
		l.endAt(at(5001))
		l.overdue(at(6001))
		s := l.snapshot(at(60_000))
		if want := uint64(1251); uint64(len(*book)) != want || s.Success+s.Errors != want {
			t.Fatalf("outcomes = %d, stats = %+v, want %d in all", len(*book), s, want)
		}
		var failures uint64
		for _, n := range s.Failures {
			failures += n
		}
		if s.Scheduled != 1251 || failures != s.Errors {
			t.Fatalf("%+v, want 1251 scheduled and a reason for each error", s)
		}
	}
}
