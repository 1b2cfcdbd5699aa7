package engine

import (
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Clocks are how fine a target measures.
type Clocks struct {
	Scrape     time.Duration // of the Prometheus that is asked
	Evaluation time.Duration // of its rules
}

// Window is what $window stands for: long enough for rate over four scrapes.
func (c Clocks) Window() time.Duration { return max(10*time.Second, 4*c.Scrape) }

// probation is the least that a recovery lasts: its samples begin one scrape
// after the removal, fill one window, and are complete a scrape and an
// evaluation later.
func (c Clocks) probation() time.Duration { return c.Window() + 2*c.Scrape + c.Evaluation }

// authorsClocks are those that the phases of an experiment are written for.
func authorsClocks() Clocks { return Clocks{Scrape: time.Second, Evaluation: time.Second} }

// baselineScrapes is how many scrapes a baseline needs at least.
const baselineScrapes = 4

// Phases returns how long baseline and recovery last on these clocks. Both are
// minima: a baseline holds four scrapes, and what a recovery leaves for the
// platform's return beyond its probation at a scrape a second, it leaves at every
// interval.
func (c Clocks) Phases(x experiment.Experiment) (baseline, recovery time.Duration) {
	back := max(0, x.Recover-authorsClocks().probation())
	return max(x.Baseline, baselineScrapes*c.Scrape), max(x.Recover, c.probation()+back)
}

// Resolve returns the experiment as it would be run with this configuration, of
// which only the clocks and bounds matter. It asks nobody.
func Resolve(cfg Config, x experiment.Experiment) result.Spec { return specOf(cfg.withDefaults(), x) }

// specOf resolves what the experiment asks for on this target.
func specOf(cfg Config, x experiment.Experiment) result.Spec {
	c := cfg.clocks()
	baseline, recovery := c.Phases(x)
	s := result.Spec{
		Control: cfg.Control, RadiusRequired: cfg.RequireBlastRadius, IgnoreBudget: cfg.IgnoreBudget,
		Timing: result.Timing{
			Baseline: result.InSeconds(baseline), Observe: result.InSeconds(x.Observe), Recover: result.InSeconds(recovery),
			AskedBaseline: result.InSeconds(x.Baseline), AskedRecover: result.InSeconds(x.Recover),
			Scrape: result.InSeconds(c.Scrape), Evaluation: result.InSeconds(c.Evaluation),
			Window: result.InSeconds(c.Window()), Confirm: result.InSeconds(cfg.ConfirmTimeout),
			FaultsEnd: result.InSeconds(faultsEnd(x)),
		},
	}
	for _, a := range x.SLOs {
		if a.SLO != nil {
			spend := a.MaxBudgetSpend
			s.SLOs = watchSLO(s.SLOs, a.SLO, &spend)
		} else {
			s.Values = append(s.Values, boundedOf(a.Name, a.PromQL, a.Max, a.Min, c.Window()))
		}
	}
	for _, g := range x.Abort {
		s.SLOs = watchSLO(s.SLOs, g.SLO, nil)
		s.Rails = append(s.Rails, result.Rail{SLO: g.SLO.Name, BurnRate: g.BurnRate, For: result.InSeconds(g.For)})
	}
	for _, b := range cfg.Instrument {
		s.Instrument = append(s.Instrument, boundedOf(b.Name, b.PromQL, b.Max, b.Min, c.Window()))
	}
	for _, e := range x.Expect {
		s.Expect = append(s.Expect, cfg.expected(e, recovery))
	}
	for _, f := range x.Forbid {
		s.Forbid = append(s.Forbid, result.AlertMatch(f.Labels))
	}
	if x.Radius != nil {
		s.Radius = &result.RadiusLimit{MaxTargets: x.Radius.MaxTargets, MaxPercent: x.Radius.MaxPercent}
	}
	return s
}

// watchSLO adds an SLO once, whoever names it.
func watchSLO(list []result.SLO, o *slo.SLO, spend *float64) []result.SLO {
	for i := range list {
		if list[i].Name == o.Name {
			if list[i].MaxBudgetSpend == nil {
				list[i].MaxBudgetSpend = spend
			}
			return list
		}
	}
	return append(list, result.SLO{
		Name: o.Name, Objective: o.Objective, Window: result.InSeconds(o.Window), Good: o.Good, Total: o.Total, MaxBudgetSpend: spend,
	})
}

func boundedOf(name, expr string, highest, lowest *float64, window time.Duration) result.Bounded {
	expanded := experiment.ExpandWindow(expr, window)
	// An expression that cannot be parsed is refused by Prometheus, and reported then.
	reach, err := prom.MaxRange(expanded)
	if err != nil {
		reach = 0
	}
	return result.Bounded{Name: name, PromQL: expanded, Max: highest, Min: lowest, Reach: result.InSeconds(reach)}
}
