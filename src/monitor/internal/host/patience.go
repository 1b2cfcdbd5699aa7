package host

import (
	"fmt"
	"sync"
	"time"
)

const (
	// patienceTries is how many readings in a row may run over their budget
	// before what they read is left alone for patiencePause: the machine may
	// only be busy.
	patienceTries = 3
	patiencePause = 10 * time.Minute
)

// tooDear says why figures are absent that were given up.
func tooDear(what string, budget time.Duration) error {
	return fmt.Errorf("%s take longer than %s to read: they are tried again after %s", what, budget, patiencePause)
}

// patience ends with readings that take long again and again.
type patience struct {
	mu    sync.Mutex
	over  int // readings in a row that took too long
	until time.Time
}

// each does one thing after the other, n of them, while there is time. It
// returns false, and has done none, while they are given up.
func (p *patience) each(n int, budget time.Duration, one func(i int), now func() time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over >= patienceTries && now().Before(p.until) {
		return false
	}
	began := now()
	for i := range n {
		one(i)
		if now().Sub(began) > budget {
			if p.over++; p.over >= patienceTries {
				p.until = now().Add(patiencePause)
			}
			return true
		}
	}
	p.over = 0
	return true
}
