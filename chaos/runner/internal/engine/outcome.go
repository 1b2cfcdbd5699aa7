package engine

import (
	"context"
	"errors"
	"sort"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// rank orders what speaks about one run: the first that applies decides.
type rank int

const (
	rankResidue rank = iota
	rankAborted
	rankGate // interrupted, or a gate failed: nothing can be judged, whatever the SLIs did
	rankFail
	rankMissing // data is missing: no pass, but what was seen to break stays broken
)

// finding is one reason with the place that it takes in the order of verdicts.
type finding struct {
	rank   rank
	reason result.Reason
	detail string
}

func (f finding) verdict() result.Verdict {
	switch f.rank {
	case rankResidue:
		return result.Residual
	case rankAborted:
		return result.Aborted
	case rankFail:
		return result.Fail
	case rankGate, rankMissing:
		return result.Inconclusive
	}
	return result.Inconclusive
}

// decide returns the verdict, its reason and all findings in their order.
// Without a finding it is a pass.
func decide(fs []finding) (result.Verdict, result.Reason, []result.Finding) {
	sorted := append([]finding(nil), fs...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].rank < sorted[j].rank })
	out := make([]result.Finding, 0, len(sorted))
	for _, f := range sorted {
		out = append(out, result.Finding{Verdict: f.verdict(), Reason: f.reason, Detail: f.detail})
	}
	if len(sorted) == 0 {
		return result.Pass, "", out
	}
	return sorted[0].verdict(), sorted[0].reason, out
}

// targetReason names why a target did not go on; fallback is for errors that it
// does not explain.
func targetReason(err error, fallback result.Reason) result.Reason {
	switch {
	case errors.Is(err, fault.ErrNoTarget):
		return result.NoTarget
	case errors.Is(err, fault.ErrBusy):
		return result.Busy
	case errors.Is(err, fault.ErrUnreachable):
		return result.TargetUnreachable
	case errors.Is(err, fault.ErrPartial):
		return result.PartialInjection
	case errors.Is(err, fault.ErrNotInjectable):
		return result.NotInjected
	}
	return fallback
}

// dataReason names why a query gave no number.
func dataReason(err error) result.Reason {
	if errors.Is(err, prom.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return result.PrometheusUnreachable
	}
	return result.NoData
}

// isMissing says that an outcome is an absent sample rather than a wrong one.
func isMissing(err error) bool {
	return !errors.Is(err, prom.ErrNotFinite) && !errors.Is(err, prom.ErrManySeries) && !errors.Is(err, prom.ErrBadQuery)
}
