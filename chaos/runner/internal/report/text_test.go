package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestTextFitsAHundredColumns(t *testing.T) {
	for name, r := range fixtures() {
		var buf bytes.Buffer
		if err := Text(&buf, r); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(buf.String()) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > tableWidth {
				t.Errorf("%s: %d columns: %q", name, n, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%s: blanks at the end of %q", name, line)
			}
		}
		if strings.Contains(buf.String(), "\x1b") {
			t.Errorf("%s: colour that nobody asked for", name)
		}
	}
}

func TestColourChangesNothingElse(t *testing.T) {
	var plain, colour bytes.Buffer
	r := fixtures()["all"]
	if err := Text(&plain, r); err != nil {
		t.Fatal(err)
	}
	if err := TextIn(&colour, r, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(colour.String(), "\x1b[") {
		t.Error("no colour")
	}
	if stripped := withoutColour(colour.String()); stripped != plain.String() {
		t.Errorf("without its colour:\n%s", stripped)
	}
}

func withoutColour(s string) string {
	for {
		start := strings.Index(s, "\x1b[")
		if start < 0 {
			return s
		}
		end := strings.IndexByte(s[start:], 'm')
		s = s[:start] + s[start+end+1:]
	}
}

func TestHeadlines(t *testing.T) {
	pass, fail := result.Run{Judgment: result.Judgment{Verdict: result.Pass}}, result.Run{Judgment: result.Judgment{Verdict: result.Fail}}
	unsure := result.Run{Judgment: result.Judgment{Verdict: result.Inconclusive, Reason: result.NoData}}
	again := result.Run{Attempt: 2, Judgment: result.Judgment{Verdict: result.Pass}}
	control := result.Run{Control: true, Judgment: result.Judgment{Verdict: result.Pass}}
	tests := map[string][]result.Run{
		"No experiment was run.":                                     nil,
		"The experiment passed.":                                     {pass},
		"All 2 experiments passed.":                                  {pass, pass},
		"All 2 runs passed.":                                         {pass, again},
		"The control run passed: without a fault every SLO held.":    {control},
		"All 2 control runs passed: without a fault every SLO held.": {control, control},
		"1 of 2 experiments failed.":                                 {pass, fail},
		"The experiment failed.":                                     {fail},
		"The experiment could not be judged.":                        {unsure},
		"A guard rail stopped 1 of 2 experiments.":                   {fail, {Judgment: result.Judgment{Verdict: result.Aborted}}},
		"The kill switch stopped 1 of 2 experiments.":                {fail, {Judgment: result.Judgment{Verdict: result.Aborted, Reason: result.KillSwitch}}},
		"Something of a fault is still there after the experiment.":  {{Judgment: result.Judgment{Verdict: result.Residual}}},
		"Interrupted: 1 of 2 experiments could not be judged.":       {pass, {Judgment: result.Judgment{Verdict: result.Inconclusive, Reason: result.Interrupted}}},
	}
	for want, runs := range tests {
		if got := headline(reportOf(runs...)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
