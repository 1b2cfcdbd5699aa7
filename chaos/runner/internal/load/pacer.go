package load

import (
	"context"
	"time"
)

// pacer holds each hit back until it is due. It waits itself instead of telling
// the attacker for how long to sleep, because that sleep cannot be interrupted
// and lasts long at low rates.
type pacer struct {
	ctx      context.Context
	schedule schedule
}

// Pace implements vegeta's Pacer. Only the attacker's own goroutine calls it.
func (p *pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	wait := time.Until(p.schedule.at(hits))
	if wait <= 0 {
		return 0, p.ctx.Err() != nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, false
	case <-p.ctx.Done():
		return 0, true
	}
}

// Rate implements vegeta's Pacer.
func (p *pacer) Rate(time.Duration) float64 { return p.schedule.rate }
