package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// runPage is one run.
type runPage struct {
	result.Run
	Anchor   string
	FullName string
	Claim    string // what the overview says: the hypothesis that held, or why not
	Close    string // how close a pass came to its bound
	Hardly   string // why a pass could hardly have failed
	Chain    []link
	Logs     *logsPage
	Outcomes []outcome
	Further  []result.Finding
	Clocks   []fact
	Took     string
	Spent    string
	Allowed  string
	Detect   string
	Back     string
	Facts    []fact
	Charts   []sliPage
	Burn     []chart.Figure
	Covered  []chart.Figure
	Timeline *timeline
	Budgets  []budget
	Before   []string // what was left of error budgets
	Faults   []faultPage
	Effects  []effectPage
	Phases   []phasePage
	Command  string
}

// outcome is an assertion and the share of its bound that was reached.
type outcome struct {
	result.Assertion
	Used string
}

// sliPage is an SLI's chart and what was asked for it.
type sliPage struct {
	Figure chart.Figure
	Query  string
}

type faultPage struct {
	result.Fault
	Lasts string
}

type effectPage struct {
	result.Effect
	When string
}

type phasePage struct{ Name, From, Took string }

func newRunPage(i int, run result.Run, r result.Report) runPage {
	id := fmt.Sprintf("run-%d", i+1)
	w := windowOf(run)
	step := time.Duration(float64(r.Target.ScrapeInterval) * float64(time.Second))
	p := runPage{
		Run:      run,
		Anchor:   id,
		FullName: runName(run),
		Took:     chart.Seconds(run.Ended.Sub(run.Started).Seconds()),
		Detect:   secondsOf(run.TimeToDetect),
		Back:     secondsOf(run.TimeToRecover),
		Spent:    chart.None,
		Facts:    keyFigures(run),
		Claim:    run.Summary,
		Further:  further(run),
		Clocks:   clocks(run),
		Chain:    chain(run),
		Logs:     newLogs(run, w),
		Hardly:   toothless(run),
		Command:  runAgain(run, r),
		Before:   budgetsBefore(run, r.Target),
	}
	if run.Verdict == result.Pass && run.Hypothesis != "" && !run.Control {
		p.Claim = run.Hypothesis
	}
	rooms := headrooms(run)
	for _, h := range rooms {
		p.Outcomes = append(p.Outcomes, outcome{h.assertion, h.String()})
	}
	if top, ok := closest(rooms); ok && run.Verdict == result.Pass {
		p.Close = top.assertion.Name + " at " + top.String() + " of its bound"
	}
	if worst, ok := worstBudget(run); ok {
		p.Spent = chart.Percent(*worst.BudgetSpent)
		if worst.BudgetLimit != nil {
			p.Allowed = chart.ExactPercent(*worst.BudgetLimit)
		}
	}
	for j, sli := range run.SLIs {
		name := fmt.Sprintf("%s-sli-%d", id, j+1)
		p.Charts = append(p.Charts, sliPage{sliFigure(name, sli, run, w, step), sli.Query})
		if sli.BurnRate != nil {
			p.Burn = append(p.Burn, burnFigure(name+"-burn", sli, run, w, step))
		}
		if sli.BudgetSpent != nil {
			p.Budgets = append(p.Budgets, newBudget(sli))
		}
	}
	p.Covered = coverFigures(id, run, w)
	p.Timeline = newTimeline(id, run, w)
	for _, f := range run.Faults {
		lasts := "happens once"
		if f.Duration > 0 {
			lasts = "at\u00a0most\u00a0" + chart.Seconds(float64(f.Duration))
		}
		p.Faults = append(p.Faults, faultPage{f, lasts})
	}
	for _, e := range run.Effects {
		p.Effects = append(p.Effects, effectPage{e, chart.Offset(e.At.Sub(w.Zero).Round(100 * time.Millisecond))})
	}
	for _, ph := range run.Phases {
		p.Phases = append(p.Phases, phasePage{
			Name: string(ph.Phase),
			From: chart.Offset(ph.Start.Sub(w.Zero).Round(100 * time.Millisecond)),
			Took: chart.Seconds(ph.End.Sub(ph.Start).Seconds()),
		})
	}
	return p
}

func duration(s result.Seconds) time.Duration {
	return time.Duration(float64(s) * float64(time.Second))
}
