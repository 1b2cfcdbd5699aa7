package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// reasonOf is what the judge makes of a call that failed.
func reasonOf(t *result.Trouble) result.Reason {
	ev := result.Evidence{Before: result.Before{Failed: []result.Failed{{Trouble: *t}}}}
	found := judge.Before(&result.Spec{}, &ev)
	return found[0].Reason
}

func TestTroubleHasNoSecrets(t *testing.T) {
	err := errors.New(`Get "http://sre:hunter2@prometheus/api?token=hunter2": EOF`)
	for _, text := range []string{
		troubleWith(err).Detail, queryTrouble(err).Detail,
		NotRun(experiment.Experiment{}, 1, false, result.TargetUnreachable, err.Error()).Summary,
	} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "EOF") {
			t.Errorf("got %q", text)
		}
	}
}

func TestErrorsHaveTheirReason(t *testing.T) {
	for err, want := range map[error]result.Reason{
		fault.ErrNoTarget: result.NoTarget, fault.ErrBusy: result.Busy, fault.ErrUnreachable: result.TargetUnreachable,
		fault.ErrPartial: result.PartialInjection, fault.ErrNotInjectable: result.NotInjected, context.Canceled: result.TargetUnreachable,
	} {
		if got := reasonOf(troubleWith(fmt.Errorf("x: %w", err))); got != want {
			t.Errorf("target, %v: %s, want %s", err, got, want)
		}
	}
	for err, want := range map[error]result.Reason{
		prom.ErrUnreachable: result.PrometheusUnreachable, context.DeadlineExceeded: result.PrometheusUnreachable,
		prom.ErrNoData: result.NoData, prom.ErrStale: result.NoData, prom.ErrNotFinite: result.NoData, prom.ErrManySeries: result.NoData, prom.ErrBadQuery: result.NoData,
	} {
		if got := reasonOf(queryTrouble(fmt.Errorf("x: %w", err))); got != want {
			t.Errorf("data, %v: %s, want %s", err, got, want)
		}
	}
}
