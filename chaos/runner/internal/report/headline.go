package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// headline says in one sentence how it went.
func headline(r result.Report) string {
	n := len(r.Experiments)
	if n == 0 {
		return "No experiment was run."
	}
	noun := "experiment"
	if slices.ContainsFunc(r.Experiments, func(run result.Run) bool { return run.Attempt > 1 }) {
		noun = "run"
	}
	control := !slices.ContainsFunc(r.Experiments, func(run result.Run) bool { return !run.Control })
	if control {
		noun = "control run"
	}
	bad := tally(r.Experiments)[r.Verdict]
	some := fmt.Sprintf("%d of %s", bad, chart.Plural(n, noun))
	if n == 1 {
		some = "the " + noun
	}
	switch {
	case r.Verdict == result.Pass && control && n == 1:
		return "The control run passed: without a fault every SLO held."
	case r.Verdict == result.Pass && control:
		return fmt.Sprintf("All %s passed: without a fault every SLO held.", chart.Plural(n, noun))
	case r.Verdict == result.Pass && n == 1:
		return "The " + noun + " passed."
	case r.Verdict == result.Pass:
		return fmt.Sprintf("All %s passed.", chart.Plural(n, noun))
	case r.Verdict == result.Residual:
		return fmt.Sprintf("Something of a fault is still there after %s.", some)
	case r.Verdict == result.Aborted:
		return fmt.Sprintf("%s stopped %s.", capital(stopper(r)), some)
	case r.Verdict == result.Fail:
		return capital(some + " failed.")
	case slices.ContainsFunc(r.Experiments, result.Run.Interrupted):
		return fmt.Sprintf("Interrupted: %s could not be judged.", some)
	default:
		return capital(some + " could not be judged.")
	}
}

// stopper is what aborted runs.
func stopper(r result.Report) string {
	rail, kill := false, false
	for _, run := range r.Experiments {
		rail = rail || run.Verdict == result.Aborted && run.Reason != result.KillSwitch
		kill = kill || run.Verdict == result.Aborted && run.Reason == result.KillSwitch
	}
	switch {
	case rail && kill:
		return "a guard rail or the kill switch"
	case kill:
		return "the kill switch"
	}
	return "a guard rail"
}

// tally counts the runs of each verdict.
func tally(runs []result.Run) map[result.Verdict]int {
	out := map[result.Verdict]int{}
	for _, run := range runs {
		out[run.Verdict]++
	}
	return out
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// lede gives the counts in words and what a manager asks next.
func lede(r result.Report) string {
	var parts []string
	counts := tally(r.Experiments)
	words := map[result.Verdict]string{
		result.Pass: "passed", result.Fail: "failed", result.Inconclusive: "could not be judged",
		result.Aborted: "stopped by " + stopper(r), result.Residual: "left something behind",
	}
	for _, v := range []result.Verdict{result.Pass, result.Fail, result.Inconclusive, result.Aborted, result.Residual} {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[v]))
		}
	}
	s := ""
	if len(r.Experiments) > 1 && len(parts) > 1 {
		s = strings.Join(parts, ", ") + ". "
	}
	var left []string
	injected := false
	for _, run := range r.Experiments {
		left = append(left, run.Residue...)
		injected = injected || (run.T0 != nil && !run.Control)
	}
	switch {
	case len(left) > 0:
		s += chart.Plural(len(left), "thing") + " of a fault must be removed by hand or with ballast sweep."
	case injected:
		s += "Every fault was removed; nothing of it is left."
	}
	return s
}
