package slo

import (
	"math"
	"time"
)

// BurnRate is how many times faster than sustainable the budget is spent: the
// error ratio divided by the share of events that may be bad. 1 spends the
// budget exactly within the SLO's window. An objective of 1 or more leaves no
// budget: any error then burns infinitely fast, and no error burns 0.
func BurnRate(errorRatio, objective float64) float64 {
	if errorRatio <= 0 {
		return 0
	}
	if objective >= 1 {
		return math.Inf(1)
	}
	return errorRatio / (1 - objective)
}

// BudgetEvents is the whole error budget in events: what may go bad within the
// window at the given rate of events per second.
func BudgetEvents(objective, ratePerSecond float64, window time.Duration) float64 {
	return (1 - objective) * ratePerSecond * window.Seconds()
}

// Spend is the share of the whole error budget that bad events cost, 0.001
// being 0.1%. ratePerSecond is the usual rate of events, over which the window
// is thought to be filled. Without a budget (no traffic, objective 1) any bad
// event spends infinitely much, and none spends 0.
func Spend(bad, objective, ratePerSecond float64, window time.Duration) float64 {
	if bad <= 0 {
		return 0
	}
	budget := BudgetEvents(objective, ratePerSecond, window)
	if budget <= 0 {
		return math.Inf(1)
	}
	return bad / budget
}
