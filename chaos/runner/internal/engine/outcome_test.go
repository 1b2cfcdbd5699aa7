package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

func TestTheHighestFindingDecides(t *testing.T) {
	missing := finding{rankMissing, result.NoData, "m"}
	fail := finding{rankFail, result.SLOBroken, "f"}
	gate := finding{rankGate, result.NotConfirmed, "g"}
	aborted := finding{rankAborted, result.GuardRail, "a"}
	residue := finding{rankResidue, result.LeftBehind, "r"}
	for name, tc := range map[string]struct {
		found   []finding
		verdict result.Verdict
		reason  result.Reason
	}{
		"nothing found is a pass":                {nil, result.Pass, ""},
		"missing data is no pass":                {[]finding{missing}, result.Inconclusive, result.NoData},
		"a failure outranks missing data":        {[]finding{missing, fail}, result.Fail, result.SLOBroken},
		"a failed gate outranks a failure":       {[]finding{fail, gate}, result.Inconclusive, result.NotConfirmed},
		"an abort outranks a gate":               {[]finding{gate, aborted}, result.Aborted, result.GuardRail},
		"residue outranks everything":            {[]finding{missing, fail, gate, aborted, residue}, result.Residual, result.LeftBehind},
		"of equal rank, the first that was seen": {[]finding{{rankGate, result.Busy, "1"}, gate}, result.Inconclusive, result.Busy},
	} {
		verdict, reason, all := decide(tc.found)
		if verdict != tc.verdict || reason != tc.reason || len(all) != len(tc.found) {
			t.Errorf("%s: %s %q %+v", name, verdict, reason, all)
		}
	}
}

func TestErrorsHaveTheirReason(t *testing.T) {
	for err, want := range map[error]result.Reason{
		fault.ErrNoTarget: result.NoTarget, fault.ErrBusy: result.Busy, fault.ErrUnreachable: result.TargetUnreachable,
		fault.ErrPartial: result.PartialInjection, fault.ErrNotInjectable: result.NotInjected, context.Canceled: "other",
	} {
		if got := targetReason(fmt.Errorf("x: %w", err), "other"); got != want {
			t.Errorf("target, %v: %s, want %s", err, got, want)
		}
	}
	for err, want := range map[error]result.Reason{
		prom.ErrUnreachable: result.PrometheusUnreachable, context.DeadlineExceeded: result.PrometheusUnreachable,
		prom.ErrNoData: result.NoData, prom.ErrStale: result.NoData, prom.ErrNotFinite: result.NoData, prom.ErrManySeries: result.NoData, prom.ErrBadQuery: result.NoData,
	} {
		if got := dataReason(fmt.Errorf("x: %w", err)); got != want {
			t.Errorf("data, %v: %s, want %s", err, got, want)
		}
	}
}
