package judge

import (
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestTheHighestFindingDecides(t *testing.T) {
	missing := finding(rankMissing, result.NoData, "m")
	fail := finding(rankFail, result.SLOBroken, "f")
	gate := finding(rankGate, result.NotConfirmed, "g")
	abort := finding(rankAborted, result.GuardRail, "a")
	residue := finding(rankResidue, result.LeftBehind, "r")
	for name, tc := range map[string]struct {
		found   []Finding
		verdict result.Verdict
		reason  result.Reason
	}{
		"missing data is not a pass":             {[]Finding{missing}, result.Inconclusive, result.NoData},
		"a failure outranks missing data":        {[]Finding{missing, fail}, result.Fail, result.SLOBroken},
		"a failed gate outranks a failure":       {[]Finding{fail, gate}, result.Inconclusive, result.NotConfirmed},
		"an abort outranks a gate":               {[]Finding{gate, abort}, result.Aborted, result.GuardRail},
		"residue outranks everything":            {[]Finding{missing, fail, gate, abort, residue}, result.Residual, result.LeftBehind},
		"of equal rank, the first that was seen": {[]Finding{finding(rankGate, result.Busy, "1"), gate}, result.Inconclusive, result.Busy},
	} {
		var j result.Judgment
		if err := decide(&result.Spec{}, &result.Evidence{}, &j, tc.found); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if j.Verdict != tc.verdict || j.Reason != tc.reason || len(j.Findings) != len(tc.found) {
			t.Errorf("%s: %s %q %+v", name, j.Verdict, j.Reason, j.Findings)
		}
	}
}
