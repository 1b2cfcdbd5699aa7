package engine

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// instant is now in whole milliseconds, the resolution of Prometheus, and
// without a monotonic reading: a report that is read back is judged the same.
func instant() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// resolution of the clocks that are compared.
const resolution = 2 * time.Millisecond

// readClock compares the clock of Prometheus with this machine's. It asks some
// times and believes the quickest answer. A difference that the answer's own time
// explains is none.
func readClock(ctx context.Context, q Querier) (result.Clock, error) {
	const asks = 3
	var best result.Clock
	for i := range asks {
		asked := time.Now()
		got, err := q.Instant(ctx, "time()", time.Time{})
		took := time.Since(asked)
		if err != nil {
			return result.Clock{}, err
		}
		half := took / 2
		if i > 0 && half >= best.Uncertainty.Duration() {
			continue
		}
		theirs := time.UnixMilli(int64(got.V * 1000))
		ahead := theirs.Sub(asked.Round(0).Add(half)).Round(time.Millisecond)
		if ahead.Abs() <= half+resolution {
			ahead = 0
		}
		best = result.Clock{Ahead: result.InSeconds(ahead), Uncertainty: result.InSeconds(half)}
	}
	return best, nil
}

// inOurTime is a Querier whose times are all this machine's: it asks a server
// whose clock is ahead by a known time.
type inOurTime struct {
	Querier
	ahead time.Duration
}

func (q inOurTime) Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error) {
	if !at.IsZero() {
		at = at.Add(q.ahead)
	}
	s, err := q.Querier.Instant(ctx, expr, at)
	s.T = s.T.Add(-q.ahead)
	return s, err
}

func (q inOurTime) Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error) {
	series, err := q.Querier.Range(ctx, expr, q.theirs(w))
	return q.ours(series), err
}

func (q inOurTime) RangeOfAnyAge(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error) {
	series, err := q.Querier.RangeOfAnyAge(ctx, expr, q.theirs(w))
	return q.ours(series), err
}

func (q inOurTime) theirs(w prom.Window) prom.Window {
	w.Start, w.End = w.Start.Add(q.ahead), w.End.Add(q.ahead)
	return w
}

// ours changes the times of series that were just read.
func (q inOurTime) ours(series []prom.Series) []prom.Series {
	for _, s := range series {
		for i := range s.Points {
			s.Points[i].T = s.Points[i].T.Add(-q.ahead)
		}
	}
	return series
}

func (q inOurTime) Rules(ctx context.Context) ([]prom.RuleGroup, error) {
	groups, err := q.Querier.Rules(ctx)
	for _, g := range groups {
		for i := range g.Rules {
			if !g.Rules[i].LastEvaluation.IsZero() {
				g.Rules[i].LastEvaluation = g.Rules[i].LastEvaluation.Add(-q.ahead)
			}
		}
	}
	return groups, err
}
