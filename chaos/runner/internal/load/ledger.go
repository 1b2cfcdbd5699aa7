package load

import (
	"sync"
	"time"
)

// ledger gives every scheduled request exactly one outcome: its own when it
// comes in time, else an error when its time is over. It keeps only the requests
// whose time is not over yet, so its size depends on rate and timeout alone.
//
// Nothing ticks in here. A request is overdue because of the time at which
// somebody looks, so a scrape sees a freeze while it lasts, however late any
// goroutine of the generator is.
type ledger struct {
	schedule schedule
	timeout  time.Duration
	record   func(outcome string, d time.Duration)

	mu     sync.Mutex
	oldest uint64 // every request before this one has its outcome
	known  []bool // ring by sequence number: has the outcome of [oldest, oldest+len) come?
	closed bool
	stats  Stats
}

func newLedger(s schedule, timeout time.Duration, record func(string, time.Duration)) *ledger {
	// Requests that are due but not overdue, and one on either edge.
	size := int(s.rate*timeout.Seconds()) + 2
	return &ledger{schedule: s, timeout: timeout, record: record, known: make([]bool, size)}
}

// settle records what became of request n, which ended at end; now is the
// present. A request that took longer than the timeout counts as an error of
// exactly the timeout, like one that never came back.
func (l *ledger) settle(n uint64, ok bool, end, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if l.closed || n < l.oldest {
		return // its second was over: it has been counted
	}
	slot := n % uint64(len(l.known))
	if n >= l.oldest+uint64(len(l.known)) || l.known[slot] {
		return // not due yet, or twice: the generator's contract rules out both
	}
	l.known[slot] = true
	d := max(0, end.Sub(l.schedule.at(n)))
	if d > l.timeout {
		ok, d = false, l.timeout
	}
	l.count(ok, d)
}

// overdue records an error for every request whose time is over at now.
func (l *ledger) overdue(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
}

// close ends the book at now: requests under way then are never counted, as it
// was the generator that gave them up.
func (l *ledger) close(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	l.closed = true
	l.stats.Scheduled = l.schedule.due(now)
}

// snapshot returns the totals at now.
func (l *ledger) snapshot(now time.Time) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	s := l.stats
	if !l.closed {
		s.Scheduled = l.schedule.due(now)
	}
	return s
}

func (l *ledger) expire(now time.Time) {
	if l.closed {
		return
	}
	for !l.schedule.at(l.oldest).Add(l.timeout).After(now) {
		slot := l.oldest % uint64(len(l.known))
		if !l.known[slot] {
			l.count(false, l.timeout)
		}
		l.known[slot] = false
		l.oldest++
	}
}

func (l *ledger) count(ok bool, d time.Duration) {
	if ok {
		l.stats.Success++
		l.record(outcomeSuccess, d)
		return
	}
	l.stats.Errors++
	l.record(outcomeError, d)
}
