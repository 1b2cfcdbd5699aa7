// Package engine runs one experiment: phases, undo, evidence. It knows no
// Kubernetes, no process and no URL; it sees the platform through the two ports
// declared here, and leaves every decision to package judge.
package engine

import (
	"context"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/prom"
)

// Target is where faults are done. All methods respect ctx. One goroutine at a
// time calls them, except Health, Coverage and Lost, which are called beside the others.
// Residue, Plan and Inject refuse with fault.ErrKillSwitch while that is set.
type Target interface {
	// Plan resolves the targets of every fault and injects nothing.
	Plan(ctx context.Context, run fault.RunID, fs []fault.Fault) (fault.Plan, error)
	// Inject starts every fault of the plan. On error, Recover is still owed.
	Inject(ctx context.Context, p fault.Plan) error
	// Effects measures, now, what each fault of the plan does to each target.
	Effects(ctx context.Context, p fault.Plan) ([]fault.Effect, error)
	// Health counts, now, the pods of every workload that the plan hits.
	Health(ctx context.Context, p fault.Plan) ([]fault.Health, error)
	// Coverage counts, now, the pods of every workload that the plan hits, and those of
	// them on which a fault of the plan is in place. It is asked every second.
	Coverage(ctx context.Context, p fault.Plan) ([]fault.Coverage, error)
	// Recover removes every fault of the run. It is idempotent and needs nothing
	// but the run's label, so that sweep can use it.
	Recover(ctx context.Context, run fault.RunID) error
	// Residue lists what any run, this one included, has left behind.
	Residue(ctx context.Context) ([]fault.Residue, error)
	// Lost delivers one error when the target itself is gone, or wants the run to
	// end: fault.ErrKillSwitch. The run is then ended as by an interrupt, and its faults
	// are removed at once. Under fault, a kill switch aborts it.
	Lost() <-chan error
}

// Querier asks Prometheus. Errors are prom's typed outcomes. Steps whose raw
// samples are older than three scrape intervals are missing from a range, and
// ErrStale as an instant.
type Querier interface {
	// Instant evaluates expr at the time given, at the server's now when it is zero.
	Instant(ctx context.Context, expr string, at time.Time) (prom.Sample, error)
	Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error)
	// RangeOfAnyAge is Range without an age that samples may have: what a rule reads.
	RangeOfAnyAge(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error)
	// Rules returns the groups of rules that are loaded, with their last
	// evaluation; prom.ErrNoRulesAPI where the server cannot say.
	Rules(ctx context.Context) ([]prom.RuleGroup, error)
	// Heartbeats returns how long ago each group of generated rules was evaluated, which
	// a server without rules API knows, too.
	Heartbeats(ctx context.Context) (map[string]time.Duration, error)
}
