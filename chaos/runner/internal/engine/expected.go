package engine

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// slack is what is added to the time in which the rules promise an alert. They count
// from when the fault is felt, which may be as late as it may be confirmed; an event
// is counted when it has ended, and what is read is as fine as a scrape and an evaluation.
func (cfg Config) slack() time.Duration { return cfg.ConfirmTimeout + cfg.Scrape + cfg.Evaluation }

// expected resolves an expected alert on this target. What its author left out is
// what the rules promise, and the slack; it is over at the latest when the platform
// has used all of its recovery to return.
func (cfg Config) expected(e experiment.ExpectedAlert, recovery time.Duration) result.ExpectedAlert {
	out := result.ExpectedAlert{
		Name: e.String(), Match: e.Match(),
		Within: result.InSeconds(e.Within), ResolvesWithin: result.InSeconds(e.ResolvesWithin),
	}
	f, err := slo.Foresee(cfg.Alerts, e.Match(), cfg.sight())
	if err != nil {
		if e.Within == 0 {
			out.Unpredictable = err.Error()
		}
		return out
	}
	out.Rules = cfg.rulesOf(e.Match())
	out.Forecast = &result.Forecast{
		Earliest: result.InSeconds(f.Earliest), Latest: result.InSeconds(f.Latest), Resolved: result.InSeconds(f.Resolved),
	}
	if e.Within == 0 {
		out.Within, out.WithinPredicted = result.InSeconds(f.Latest+cfg.slack()), true
	}
	if e.ResolvesWithin == 0 && !cfg.LeaveFiring {
		out.ResolvesWithin, out.ResolvesPredicted = result.InSeconds(recovery+f.Resolved+cfg.Scrape+cfg.Evaluation), true
	}
	return out
}

// rulesOf are the rules that can raise an alert, in the time of the target.
func (cfg Config) rulesOf(match map[string]string) []result.AlertRule {
	var out []result.AlertRule
	for _, m := range cfg.Alerts {
		if !m.Matches(match) {
			continue
		}
		reaction := m.Reaction(cfg.sight())
		rule := result.AlertRule{
			Rule: ruleID(m), Evaluation: result.InSeconds(reaction.Every), Hop: result.InSeconds(reaction.Hop), For: result.InSeconds(reaction.For),
		}
		switch {
		case m.Burn == nil:
			rule.Condition = m.Condition
		case m.Good != "":
			rule.Burn = &result.BurnRule{
				SLO: m.SLO, Good: m.Good, Total: m.Total, Long: result.InSeconds(cfg.scaled(m.Burn.Long)), Short: result.InSeconds(cfg.scaled(m.Burn.Short)),
				Threshold: m.Burn.Threshold(m.Objective), LeastBad: m.LeastBad,
			}
		}
		out = append(out, rule)
	}
	return out
}

// faultsEnd is when the last fault has ended by a duration of its own; 0 when there
// is one without, or one that happens once and whose consequences last.
func faultsEnd(x experiment.Experiment) time.Duration {
	var last time.Duration
	for _, f := range x.Faults {
		if f.Duration == 0 {
			return 0
		}
		last = max(last, f.Duration)
	}
	return last
}
