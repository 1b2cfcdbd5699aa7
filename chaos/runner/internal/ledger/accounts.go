package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Account is what chaos spent of one error budget: that of an SLO on a target, as one
// Prometheus counts it.
type Account struct {
	SLO        string `json:"slo"`
	Target     string `json:"target"`
	Prometheus string `json:"prometheus,omitempty"` // empty where the reports do not say
	// Window is the rolling period of the budget; 0 where the reports do not say, and then
	// no run is too old to count.
	Window result.Seconds `json:"window,omitempty"`
	// Spent is the share of the whole budget that runs spent which ended within the window,
	// 1 is all, and By who spent it, the most first.
	Spent float64   `json:"spent"`
	Runs  int       `json:"runs"`
	By    []Expense `json:"by"`
	// Left is the share that is left to spend: what Prometheus knew at LeftAt, before the
	// last run that could ask for it, less what runs spent since. What became free since,
	// because it is older than the window, is not in it. Absent where no run knew.
	Left   *float64   `json:"left,omitempty"`
	LeftAt *time.Time `json:"leftAt,omitempty"`
}

// Expense is what the runs of one experiment spent of one budget within its window.
type Expense struct {
	Experiment string    `json:"experiment"`
	Spent      float64   `json:"spent"`
	Runs       int       `json:"runs"`
	Last       time.Time `json:"last"` // when the last of them ended
}

type accountKey struct{ slo, target, prometheus string }

// Accounts are the error budgets that charged runs spent from, at the time now, by SLO,
// target and Prometheus. Entries are as [Fold] gives them, the oldest first.
func Accounts(entries []Entry, now time.Time) []Account {
	byKey := map[accountKey]*Account{}
	var order []*Account
	of := func(slo string, e Entry) *Account {
		k := accountKey{slo, e.Target, e.Prometheus}
		if byKey[k] == nil {
			byKey[k] = &Account{SLO: slo, Target: e.Target, Prometheus: e.Prometheus, By: []Expense{}}
			order = append(order, byKey[k])
		}
		return byKey[k]
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return !e.Charged() })
	// The newest run says how long the period is.
	for _, e := range entries {
		for slo, period := range e.periods {
			of(slo, e).Window = result.InSeconds(period)
		}
		for slo, r := range e.left {
			if a := of(slo, e); a.LeftAt == nil || r.at.After(*a.LeftAt) {
				a.Left, a.LeftAt = &r.share, &r.at
			}
		}
	}
	for _, e := range entries {
		for slo, share := range e.Spent {
			of(slo, e).charge(e, share, now)
		}
	}
	out := make([]Account, 0, len(order))
	for _, a := range order {
		if a.LeftAt != nil && a.Window > 0 && a.LeftAt.Before(now.Add(-a.Window.Duration())) {
			a.Left, a.LeftAt = nil, nil // nothing of it is in the window any more
		}
		slices.SortFunc(a.By, func(x, y Expense) int {
			return cmp.Or(cmp.Compare(y.Spent, x.Spent), cmp.Compare(x.Experiment, y.Experiment))
		})
		out = append(out, *a)
	}
	slices.SortFunc(out, func(x, y Account) int {
		return cmp.Or(cmp.Compare(x.SLO, y.SLO), cmp.Compare(x.Target, y.Target), cmp.Compare(x.Prometheus, y.Prometheus))
	})
	return out
}

// charge takes what a run spent.
func (a *Account) charge(e Entry, share float64, now time.Time) {
	if a.LeftAt != nil && e.Ended.After(*a.LeftAt) {
		left := *a.Left - share
		a.Left = &left
	}
	if a.Window > 0 && e.Ended.Before(now.Add(-a.Window.Duration())) {
		return
	}
	a.Spent += share
	a.Runs++
	i := slices.IndexFunc(a.By, func(x Expense) bool { return x.Experiment == e.Experiment })
	if i < 0 {
		i = len(a.By)
		a.By = append(a.By, Expense{Experiment: e.Experiment})
	}
	a.By[i].Spent += share
	a.By[i].Runs++
	if e.Ended.After(a.By[i].Last) {
		a.By[i].Last = e.Ended
	}
}
