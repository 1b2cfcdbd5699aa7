package judge

import (
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// rank orders what speaks against a run: the first that applies decides.
type rank int

const (
	rankResidue rank = iota
	rankAborted
	rankGate // interrupted, or a gate failed: nothing can be judged, whatever the SLIs did
	rankFail
	rankMissing // data is missing: no pass, but what was seen to break stays broken
)

// Finding is one reason with the place that it takes in the order of verdicts.
type Finding struct {
	rank   rank
	Reason result.Reason
	Detail string
}

func finding(r rank, reason result.Reason, detail string) Finding {
	// Joined errors, in one sentence.
	return Finding{rank: r, Reason: reason, Detail: strings.ReplaceAll(detail, "\n", "; ")}
}

// Verdict is what the finding speaks for.
func (f Finding) Verdict() result.Verdict {
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

// Record is the finding as a report shows it.
func (f Finding) Record() result.Finding {
	return result.Finding{Verdict: f.Verdict(), Reason: f.Reason, Detail: f.Detail}
}

// ordered returns the findings by rank; of equal rank, the first that was seen goes first.
func ordered(fs []Finding) []Finding {
	out := slices.Clone(fs)
	slices.SortStableFunc(out, func(a, b Finding) int { return int(a.rank - b.rank) })
	return out
}

func aborted(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.rank == rankAborted })
}

// reason names why there is no number, or why a call failed; fallback is for
// what the trouble does not explain.
func reason(k result.TroubleKind, fallback result.Reason) result.Reason {
	switch k {
	case result.TroubleUnreachable:
		return result.PrometheusUnreachable
	case result.TroubleNoData, result.TroubleStale, result.TroubleNotFinite, result.TroubleManySeries, result.TroubleBadQuery:
		return result.NoData
	case result.TroubleNoTarget:
		return result.NoTarget
	case result.TroubleBusy:
		return result.Busy
	case result.TroubleTarget:
		return result.TargetUnreachable
	case result.TroublePartial:
		return result.PartialInjection
	case result.TroubleNotInjectable:
		return result.NotInjected
	case result.TroubleKillSwitch:
		return result.KillSwitch
	case result.TroubleOther:
	}
	return fallback
}

// absent says that a step has no sample, rather than a wrong one.
func absent(k result.TroubleKind) bool {
	switch k {
	case result.TroubleNotFinite, result.TroubleManySeries, result.TroubleBadQuery:
		return false
	default:
		return true
	}
}
