package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Collision is another run that holds what a run needs.
type Collision struct {
	Run        fault.RunID `json:"run"`
	Experiment string      `json:"experiment"`
	Holder     string      `json:"holder"`
	Since      time.Time   `json:"since"` // by the API server's clock
	Shared     []string    `json:"shared"`
	// Dead is true when nobody renews its lease: a run of ours would not wait for it.
	Dead bool `json:"dead,omitempty"`
}

func (c Collision) String() string {
	held := fmt.Sprintf("run %s of experiment %s, started by %s at %s, has %s", c.Run, c.Experiment, c.Holder, c.Since.UTC().Format(time.RFC3339), strings.Join(c.Shared, ", "))
	if c.Dead {
		return held + "; nobody renews its lease, so that a run does not wait for it: look at what it left with ballast sweep --target cluster"
	}
	return held + "; a run waits until that one ends, and is busy if that takes too long"
}

// Collisions lists the runs that hold something of the needs. Where there are any it
// blocks until it is known which of them are alive, up to a whole lease duration.
func (c *Cluster) Collisions(ctx context.Context, needs Needs) ([]Collision, error) {
	leases, err := listLeases(ctx, c.Kubernetes, c.cfg.SystemNamespace)
	if err != nil {
		return nil, fmt.Errorf("runs of others: %w", err)
	}
	found := colliding(needs, leases)
	if len(found) == 0 {
		return nil, nil
	}
	live, err := Live(ctx, c.Kubernetes, c.cfg.SystemNamespace)
	if err != nil {
		return nil, fmt.Errorf("runs of others: %w", err)
	}
	for i := range found {
		found[i].Dead = !slices.ContainsFunc(live, func(l RunLease) bool { return l.Run == found[i].Run })
	}
	return found, nil
}

// colliding are the runs that have not ended and share something, oldest first.
func colliding(needs Needs, leases []RunLease) []Collision {
	var out []Collision
	for _, l := range leases {
		shared := needs.shared(l.Needs)
		if l.Unreadable != "" {
			shared = []string{"something that cannot be read (" + l.Unreadable + ")"}
		}
		if !l.Ended && len(shared) > 0 {
			out = append(out, Collision{Run: l.Run, Experiment: l.Experiment, Holder: l.Holder, Since: l.Created, Shared: shared})
		}
	}
	slices.SortStableFunc(out, func(a, b Collision) int { return a.Since.Compare(b.Since) })
	return out
}
