package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// errBlind says that an SLO was not seen for too long to be counted.
var errBlind = errors.New("two scrapes in a row have no sample")

// CountEvents counts the events of an SLO between two times as a run does: from the
// counters themselves, over their resets. Two missing samples in a row are an error, and so
// is what does not reach from one end to the other.
func CountEvents(ctx context.Context, q Querier, s result.SLO, from, to time.Time, scrape time.Duration) (result.Counted, error) {
	// Prometheus knows whole milliseconds only: between two of them no step is found again.
	from, to = from.Truncate(time.Millisecond), to.Truncate(time.Millisecond)
	w := prom.Window{Start: to.Add(-to.Sub(from).Truncate(scrape)), End: to, Step: scrape}
	series, err := q.Range(ctx, eventsExpr(s, scrape), w)
	if err != nil {
		return result.Counted{}, err
	}
	tl := &tally{}
	tl.addRange(series, w, &w.Start)
	missing := 0
	for _, step := range tl.steps {
		if missing++; !step.Missing {
			missing = 0
		}
		if missing > 1 {
			return result.Counted{}, fmt.Errorf("%w: %w", prom.ErrNoData, errBlind)
		}
	}
	c := judge.SteadySLO(s, tl.steps, w.Start, to, nil)
	if c.Trouble != nil {
		return c, fmt.Errorf("%w: %s", prom.ErrNoData, c.Trouble.Detail)
	}
	if missed := w.End.Sub(w.Start) - c.Over.Duration(); missed > freshest(scrape) {
		return c, fmt.Errorf("%w: %s of %s are without a sample", prom.ErrNoData, missed.Round(time.Second), w.End.Sub(w.Start))
	}
	return c, nil
}
