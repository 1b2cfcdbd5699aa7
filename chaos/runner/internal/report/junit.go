package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// JUnit writes junit.xml: a suite for each run, in it a case for its verdict and
// one for each assertion. A broken assertion is a failure; what could not be
// judged is an error, never a pass. Where the verdict's own case already says
// why nothing was judged, the assertions are skipped instead.
func JUnit(w io.Writer, r result.Report) error {
	suites := junit.Testsuites{Name: "ballast", Time: junitSeconds(r.Ended.Sub(r.Started).Seconds())}
	for i, run := range r.Experiments {
		suites.AddSuite(suite(i, run, r))
	}
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	if err := suites.WriteXML(w); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	return nil
}

func suite(id int, run result.Run, r result.Report) junit.Testsuite {
	s := junit.Testsuite{ID: id, Name: runName(run), File: run.File, Time: junitSeconds(run.Ended.Sub(run.Started).Seconds())}
	s.SetTimestamp(run.Started.UTC())
	s.AddProperty("verdict", string(run.Verdict))
	if run.Reason != "" {
		s.AddProperty("reason", string(run.Reason))
	}
	s.AddProperty("run", run.ID)
	s.AddProperty("target", r.Target.Kind)
	if c := r.Target.Cluster; c != nil {
		for _, p := range properties(*c, r.Ended) {
			s.AddProperty("cluster."+p.key, printable(p.value))
		}
	}
	s.AddTestcase(verdictCase(run))
	for _, a := range run.Asserts {
		s.AddTestcase(assertionCase(run, a))
	}
	return s
}

func verdictCase(run result.Run) junit.Testcase {
	c := junit.Testcase{
		Name: "verdict", Classname: runName(run),
		Time: junitSeconds(run.Ended.Sub(run.Started).Seconds()), Status: string(run.Verdict),
	}
	problem := &junit.Result{Message: printable(run.Summary), Type: string(run.Reason), Data: printable(findingLines(run))}
	switch {
	case run.Verdict == result.Pass:
	case run.Verdict == result.Fail:
		c.Failure = problem
	case run.Reason == result.Skipped:
		c.Skipped = problem // another run's case is red: the one that ended the series
	default:
		c.Error = problem
	}
	return c
}

func assertionCase(run result.Run, a result.Assertion) junit.Testcase {
	c := junit.Testcase{
		Name:      printable(fmt.Sprintf("%s: %s", a.Kind, a.Name)),
		Classname: runName(run),
		Status:    string(a.Outcome),
	}
	problem := &junit.Result{
		Message: printable(fmt.Sprintf("expected %s, observed %s", orUnknown(a.Expected), orUnknown(a.Observed))),
		Type:    string(a.Kind),
	}
	switch a.Outcome {
	case result.Held:
	case result.Broken:
		c.Failure = problem
	default:
		if run.Verdict == result.Pass || run.Verdict == result.Fail {
			c.Error = problem
		} else {
			c.Skipped = problem
		}
	}
	return c
}

func findingLines(run result.Run) string {
	var b strings.Builder
	for _, f := range run.Findings {
		fmt.Fprintf(&b, "%s: %s: %s\n", f.Verdict, f.Reason, f.Detail)
	}
	for _, left := range run.Residue {
		fmt.Fprintf(&b, "left behind: %s\n", left)
	}
	return b.String()
}

// runName tells the runs of one experiment apart.
func runName(run result.Run) string {
	name := printable(run.Name)
	if run.Attempt > 1 {
		name += fmt.Sprintf(" #%d", run.Attempt)
	}
	if run.Control {
		name += " (control)"
	}
	return name
}

func junitSeconds(s float64) string { return fmt.Sprintf("%.3f", max(0, s)) }

func orUnknown(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// printable drops what XML and terminals cannot show.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || (r >= ' ' && r != 0x7f && !(r >= 0x80 && r < 0xa0) && r != 0xfffe && r != 0xffff) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
