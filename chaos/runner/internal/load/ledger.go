package load

import (
	"math"
	"sync"
	"time"
)

// lateness is how long after its time was over the ledger still knows why a
// request failed.
const lateness = time.Second

// ledger gives every scheduled request exactly one outcome: its own when it
// comes in time, else an error when its time is over. It keeps only the requests
// whose time is not over yet, or has just ended, so its size depends on rate and
// timeout alone.
//
// Nothing ticks in here. A request is overdue because of the time at which
// somebody looks, so a scrape sees a freeze while it lasts, however late any
// goroutine of the generator is.
type ledger struct {
	timeout time.Duration
	record  func(why reason, d time.Duration)
	changed chan struct{} // receives something when the rate is another one

	mu       sync.Mutex
	schedule schedule
	end      time.Time // nothing is scheduled at or after end; zero: the load runs until it is stopped
	limit    uint64    // how many requests are scheduled before end
	oldest   uint64    // every request before this one has its outcome
	open     []entry   // ring by sequence number
	stats    totals
}

// entry is what is known of request n.
type entry struct {
	n       uint64
	why     reason // it would fail for, or has failed for
	settled bool
}

// totals are Stats with the errors by reason.
type totals struct {
	success, errors uint64
	failures        [reasonCount]uint64
}

// newLedger keeps the books of a schedule whose rate stays at or below fastest.
func newLedger(s schedule, fastest float64, timeout time.Duration, record func(reason, time.Duration)) *ledger {
	// Requests that are due but not overdue, and one on either edge.
	size := int(fastest*(timeout+lateness).Seconds()) + 2
	return &ledger{schedule: s, timeout: timeout, record: record, changed: make(chan struct{}, 1), limit: math.MaxUint64, open: make([]entry, size)}
}

// endAt ends the schedule: requests due at or after end are not part of it. Only
// the earliest end counts.
func (l *ledger) endAt(end time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end.IsZero() || end.Before(l.end) {
		l.end, l.limit = end, l.schedule.before(end)
	}
}

// setRate changes the rate from now on. After the end it changes nothing.
func (l *ledger) setRate(now time.Time, rate float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.end.IsZero() && !now.Before(l.end) {
		return
	}
	l.schedule = l.schedule.from(now, rate)
	if !l.end.IsZero() {
		l.limit = l.schedule.before(l.end)
	}
	select {
	case l.changed <- struct{}{}:
	default: // whoever waits will look anyway
	}
}

// at returns when request n is due.
func (l *ledger) at(n uint64) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.schedule.at(n)
}

// rate is the one that counts now.
func (l *ledger) rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.schedule.last()
}

// scheduled returns when the schedule ends, zero while that is not known, and how
// many requests it has in all.
func (l *ledger) scheduled() (end time.Time, n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end, l.limit
}

// mark notes at now why request n fails unless something better comes.
func (l *ledger) mark(n uint64, why reason, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if e := l.entry(n); e != nil && !e.settled {
		e.why = why
	}
}

// settle records what became of request n, which ended at end; now is the
// present. A request that took longer than the timeout counts as an error of
// exactly the timeout, like one that never came back. It returns why the request
// failed, or reasonNone.
func (l *ledger) settle(n uint64, ok bool, end, now time.Time) reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	e := l.entry(n)
	switch {
	case e == nil:
		return reasonTimeout // its time was over long ago, and it has been counted
	case e.settled:
		return e.why // or just now
	}
	d := max(0, end.Sub(l.schedule.at(n)))
	switch {
	case d > l.timeout:
		d = l.timeout
	case ok:
		e.why = reasonNone
	}
	l.count(e, d)
	return e.why
}

// overdue records an error for every request whose time is over at now.
func (l *ledger) overdue(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
}

// snapshot returns the totals at now.
func (l *ledger) snapshot(now time.Time) Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	s := Stats{Scheduled: min(l.schedule.due(now), l.limit), Success: l.stats.success, Errors: l.stats.errors}
	for why, n := range l.stats.failures {
		if n > 0 {
			if s.Failures == nil {
				s.Failures = map[string]uint64{}
			}
			s.Failures[reason(why).String()] = n
		}
	}
	return s
}

// entry returns what is known of request n; nil when that is forgotten, or when
// the request can not be due yet.
func (l *ledger) entry(n uint64) *entry {
	e := &l.open[n%uint64(len(l.open))]
	switch {
	case n >= l.limit, n >= l.oldest+uint64(len(l.open)), e.n > n:
		return nil
	case e.why == reasonNone && !e.settled, e.n < n:
		*e = entry{n: n, why: reasonUnsent}
	}
	return e
}

func (l *ledger) expire(now time.Time) {
	for l.oldest < l.limit && !l.schedule.at(l.oldest).Add(l.timeout).After(now) {
		if e := l.entry(l.oldest); !e.settled {
			l.count(e, l.timeout)
		}
		l.oldest++
	}
}

func (l *ledger) count(e *entry, d time.Duration) {
	e.settled = true
	if e.why == reasonNone {
		l.stats.success++
	} else {
		l.stats.errors++
		l.stats.failures[e.why]++
	}
	l.record(e.why, d)
}
