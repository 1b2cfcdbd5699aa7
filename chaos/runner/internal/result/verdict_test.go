package result

import "testing"

func TestExitCodesAreTheContract(t *testing.T) {
	want := map[Verdict]int{Pass: 0, Fail: 1, Inconclusive: 3, Aborted: 4, Residual: 5, "": 70, "green": 70}
	for v, code := range want {
		if got := v.Exit(); got != code {
			t.Errorf("%q exits %d, want %d", v, got, code)
		}
	}
}

func TestCombine(t *testing.T) {
	pass, fail := Run{Judgment: Judgment{Verdict: Pass}}, Run{Judgment: Judgment{Verdict: Fail, Reason: SLOBroken}}
	unsure := Run{Judgment: Judgment{Verdict: Inconclusive, Reason: NoData}}
	interrupted := Run{Judgment: Judgment{Verdict: Inconclusive, Reason: Interrupted}}
	skipped := Run{Judgment: Judgment{Verdict: Inconclusive, Reason: Skipped}}
	aborted, residue := Run{Judgment: Judgment{Verdict: Aborted}}, Run{Judgment: Judgment{Verdict: Residual}}
	tests := map[string]struct {
		runs []Run
		want Verdict
	}{
		"nothing was run":                            {nil, Inconclusive},
		"one pass":                                   {[]Run{pass}, Pass},
		"all pass":                                   {[]Run{pass, pass}, Pass},
		"one unsure among passes is not green":       {[]Run{pass, unsure, pass}, Inconclusive},
		"fail outranks unsure":                       {[]Run{unsure, fail, pass}, Fail},
		"an interrupt outranks fail":                 {[]Run{fail, interrupted, skipped}, Inconclusive},
		"a skipped run alone does not":               {[]Run{fail, skipped}, Fail},
		"abort outranks an interrupt":                {[]Run{interrupted, aborted, fail}, Aborted},
		"residue outranks all":                       {[]Run{aborted, interrupted, residue, fail, pass}, Residual},
		"what is not a verdict is never taken green": {[]Run{pass, {Judgment: Judgment{Verdict: "great"}}}, "great"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Combine(tt.runs); got != tt.want {
				t.Errorf("Combine = %q, want %q", got, tt.want)
			}
		})
	}
}
