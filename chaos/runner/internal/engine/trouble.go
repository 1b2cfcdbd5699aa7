package engine

import (
	"context"
	"errors"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// troubleWith turns the error of a query or a target into data; nil stays nil.
func troubleWith(err error) *result.Trouble {
	if err == nil {
		return nil
	}
	return &result.Trouble{Kind: kindOf(err), Detail: result.Redact(err.Error())}
}

func kindOf(err error) result.TroubleKind {
	for _, k := range []struct {
		err  error
		kind result.TroubleKind
	}{
		{prom.ErrUnreachable, result.TroubleUnreachable},
		{prom.ErrNoData, result.TroubleNoData},
		{prom.ErrStale, result.TroubleStale},
		{prom.ErrNotFinite, result.TroubleNotFinite},
		{prom.ErrManySeries, result.TroubleManySeries},
		{prom.ErrBadQuery, result.TroubleBadQuery},
		{fault.ErrKillSwitch, result.TroubleKillSwitch},
		{fault.ErrNoTarget, result.TroubleNoTarget},
		{fault.ErrBusy, result.TroubleBusy},
		{fault.ErrUnreachable, result.TroubleTarget},
		{fault.ErrPartial, result.TroublePartial},
		{fault.ErrNotInjectable, result.TroubleNotInjectable},
	} {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return result.TroubleOther
}

// queryTrouble is troubleWith for a query: one that took too long found nobody.
func queryTrouble(err error) *result.Trouble {
	t := troubleWith(err)
	if t != nil && t.Kind == result.TroubleOther && errors.Is(err, context.DeadlineExceeded) {
		t.Kind = result.TroubleUnreachable
	}
	return t
}
