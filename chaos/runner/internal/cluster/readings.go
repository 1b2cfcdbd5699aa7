package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
)

// settle is how long after an injection a sample may still be of the time before it: it
// is stamped when its scrape begins.
const settle = 500 * time.Millisecond

var (
	errBefore = errors.New("it was last measured before the fault")
	errAgain  = errors.New("it was not measured again since the fault was seen")
)

// reading is the value of an expression of one series, from a sample that was taken after
// the time given. Prometheus goes on answering with the last sample that it has: without
// asking for its time, the state before a fault would be taken for that under it.
func (t *Target) reading(ctx context.Context, series string, after time.Time) (float64, error) {
	taken, err := t.cfg.Querier.Instant(ctx, "min(timestamp("+series+"))", time.Time{})
	if err != nil {
		return 0, err
	}
	if at := time.UnixMilli(int64(taken.V * 1000)); !at.After(after.Add(settle)) {
		return 0, fmt.Errorf("%w, at %s", errBefore, clock(at))
	}
	got, err := t.cfg.Querier.Instant(ctx, "sum("+series+")", time.Time{})
	return got.V, err
}

// earlier is what a series was at the time given.
func (t *Target) earlier(ctx context.Context, series string, at time.Time) (float64, error) {
	got, err := t.cfg.Querier.Instant(ctx, "sum("+series+")", at)
	return got.V, err
}

// unmeasured says why there is no reading.
func unmeasured(what string, err error) effect {
	if errors.Is(err, prom.ErrNoData) {
		return unseen("%s is not measured: Prometheus has no such series; is the chart that measures it installed?", what)
	}
	return unseen("%s is not measured: %v", what, err)
}
