package load

import (
	"context"
	"time"
)

// pacer holds each hit back until it is due. It waits itself instead of telling
// the attacker for how long to sleep, because that sleep cannot be interrupted
// and lasts long at low rates.
type pacer struct {
	ctx  context.Context //nolint:containedctx // the attacker passes none
	book *ledger
}

// Pace implements vegeta's Pacer. Only the attacker's own goroutine calls it. It
// stops the attack at the end of the schedule, not before: whatever was due by
// then is sent.
func (p *pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	for {
		if p.ctx.Err() != nil {
			// Requests are due up to and including this moment.
			p.book.endAt(time.Now().Add(1))
		}
		next, limit := p.book.scheduled()
		switch {
		case hits < limit:
			next = p.book.at(hits)
		case p.ctx.Err() != nil:
			return 0, true
		}
		wait := time.Until(next)
		if wait <= 0 {
			return 0, hits >= limit
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.book.changed:
		case <-p.ctx.Done():
		}
		timer.Stop()
	}
}

// Rate implements vegeta's Pacer.
func (p *pacer) Rate(time.Duration) float64 { return p.book.rate() }
