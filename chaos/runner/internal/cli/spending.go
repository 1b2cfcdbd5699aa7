package cli

import (
	"sync"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// spending is what the runs of one command may spend of error budgets. It is shared by
// the runs that go on side by side.
type spending struct {
	mu sync.Mutex
	// open has for each attempt what its run may spend of each SLO's whole budget, 1 is all;
	// nil once it spends no more.
	open []map[string]float64
}

// newSpending plans all attempts. Without faults nothing is planned.
func newSpending(todo []attempt, control bool) *spending {
	s := &spending{open: make([]map[string]float64, len(todo))}
	if control {
		return s
	}
	for i, a := range todo {
		s.open[i] = maySpend(a.Experiment)
	}
	return s
}

// maySpend is what one run of an experiment may spend of each SLO's budget.
func maySpend(x experiment.Experiment) map[string]float64 {
	out := map[string]float64{}
	for _, a := range x.SLOs {
		if a.SLO == nil {
			continue
		}
		if _, named := out[a.SLO.Name]; !named { // the first decides, as in the run
			out[a.SLO.Name] = a.MaxBudgetSpend
		}
	}
	return out
}

// planned is what the runs that are not over may spend together; nil where none spends.
func (s *spending) planned() map[string]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total map[string]float64
	for _, one := range s.open {
		for name, share := range one {
			if total == nil {
				total = map[string]float64{}
			}
			total[name] += share
		}
	}
	return total
}

// over takes a run that has ended out of the plan: what it spent, Prometheus knows. One
// that the budget refused stays in it, so that all others are refused, too: a part of what
// was asked for is not what was asked for.
func (s *spending) over(attempt int, r result.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Reason != result.BudgetExhausted {
		s.open[attempt] = nil
	}
}
