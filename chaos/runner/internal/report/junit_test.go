package report

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func decodeJUnit(t *testing.T, r result.Report) junit.Testsuites {
	t.Helper()
	var buf bytes.Buffer
	if err := JUnit(&buf, r); err != nil {
		t.Fatal(err)
	}
	var out junit.Testsuites
	if err := xml.Unmarshal(buf.Bytes(), &out); err != nil {
		t.Fatalf("%v in:\n%s", err, &buf)
	}
	return out
}

func TestOnlyAPassIsGreenInJUnit(t *testing.T) {
	for _, v := range append(result.Verdicts(), "", "unheard-of") {
		for _, outcome := range []result.Outcome{result.Held, result.Broken, result.Unknown, ""} {
			run := result.Run{Name: "x", Judgment: result.Judgment{Verdict: v, Asserts: []result.Assertion{{Name: "a", Outcome: outcome}}}}
			got := decodeJUnit(t, reportOf(run))
			green := got.Failures+got.Errors == 0
			if want := v == result.Pass && outcome == result.Held; green != want {
				t.Errorf("verdict %q with an assertion %q: green = %v", v, outcome, green)
			}
			if got.Tests != 2 {
				t.Errorf("%d cases, want one for the verdict and one for the assertion", got.Tests)
			}
		}
	}
}

func TestASkippedRunIsSkipped(t *testing.T) {
	got := decodeJUnit(t, reportOf(skippedRun()))
	if got.Skipped != 2 || got.Failures+got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}

func TestJUnitSurvivesWhatXMLCannotHold(t *testing.T) {
	run := failRun()
	run.Name, run.Summary = "a\x00b]]>\x1b[31m\xff", "c]]>\x07d"
	run.Findings[0].Detail = "]]>\x00<&"
	got := decodeJUnit(t, reportOf(run))
	if got.Suites[0].Name != "ab]]>[31m\uFFFD" {
		t.Errorf("name %q", got.Suites[0].Name)
	}
}
