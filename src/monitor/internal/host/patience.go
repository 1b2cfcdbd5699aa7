package host

import (
	"fmt"
	"sync"
	"time"
)

const (
	// patienceTries is how many readings in a row may run over their budget
	// before these figures are not read for patiencePause. One is not enough:
	// the machine may only be busy.
	patienceTries = 3
	patiencePause = 10 * time.Minute
)

// tooSlow says why figures are absent that were given up.
func tooSlow(what string, budget time.Duration) error {
	return fmt.Errorf("%s take longer than %s to read: they are tried again after %s", what, budget, patiencePause)
}

// patience stops readings that take too long several times in a row.
type patience struct {
	mu    sync.Mutex
	over  int // readings in a row that took too long
	until time.Time
}

// each calls one for 0 to n-1 until the budget is used up. While the figures
// are given up it calls nothing and returns false.
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
