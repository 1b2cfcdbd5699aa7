// Package engine runs one experiment: phases, undo, evidence, verdict. It knows
// no Kubernetes, no process and no URL; it sees the platform through the two
// ports declared here.
package engine

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/prom"
)

// Target is where faults are done. All methods respect ctx and may be called
// from one goroutine at a time.
type Target interface {
	// Plan resolves the targets of every fault and injects nothing.
	Plan(ctx context.Context, run fault.RunID, fs []fault.Fault) (fault.Plan, error)
	// Inject starts every fault of the plan. On error, Recover is still owed.
	Inject(ctx context.Context, p fault.Plan) error
	// Effects measures, now, what each fault of the plan does to each target.
	Effects(ctx context.Context, p fault.Plan) ([]fault.Effect, error)
	// Recover removes every fault of the run. It is idempotent and needs nothing
	// but the run's label, so that sweep can use it.
	Recover(ctx context.Context, run fault.RunID) error
	// Residue lists what any run, this one included, has left behind.
	Residue(ctx context.Context) ([]fault.Residue, error)
}

// Querier asks Prometheus. Errors are prom's typed outcomes. Steps whose raw
// samples are older than three scrape intervals are missing from a range, and
// ErrStale as an instant.
type Querier interface {
	// Instant evaluates expr at the time given, at the server's now when it is zero.
	Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error)
	Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error)
}
