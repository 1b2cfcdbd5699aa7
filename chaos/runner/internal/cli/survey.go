package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
)

// survey is what surrounds an experiment on a cluster that others use, too.
type survey struct {
	// Rights are what this user must be allowed to run the experiment.
	Rights []cluster.Right `json:"rights,omitempty"`
	// Runs are those of others that hold what it needs.
	Runs []cluster.Collision `json:"runs,omitempty"`

	problem string // that keeps a run from its work
	blind   bool   // and a plan, too
}

// both joins two problems; either may be empty.
func both(a, b string) string { return strings.Trim(a+"; "+b, "; ") }

// look surveys an experiment: it asks for rights, and which other runs are in its way.
func (s *clusterSite) look(ctx context.Context, setup *clusterSetup, target *cluster.Target, x experiment.Experiment) survey {
	rights, reads, err := setup.cluster.Reviewed(ctx, x.Faults, s.flags.systemNamespace)
	if err != nil {
		return survey{problem: err.Error(), blind: true}
	}
	out := survey{Rights: rights, problem: lacking(rights), blind: !reads}
	if out.blind {
		return out
	}
	touched, err := target.Touched(ctx, x.Faults)
	if err != nil {
		out.problem = both(out.problem, err.Error())
		return out
	}
	if slices.ContainsFunc(rights, func(r cluster.Right) bool {
		return r.Namespace == s.flags.systemNamespace && slices.ContainsFunc(r.Missing, func(v string) bool { return v == "list" || v == "watch" })
	}) {
		return out // whom it would meet cannot be seen
	}
	if out.Runs, err = setup.cluster.Collisions(ctx, cluster.Needs{Workloads: touched, Series: asserted(x)}); err != nil {
		out.problem = both(out.problem, err.Error())
	}
	return out
}

// lacking names the rights that are missing; empty when all are there.
func lacking(rights []cluster.Right) string {
	var out []string
	for _, r := range rights {
		if len(r.Missing) > 0 {
			out = append(out, fmt.Sprintf("%s %s in namespace %s", strings.Join(r.Missing, ", "), r.Resource, r.Namespace))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return fmt.Sprintf("%v: %s", cluster.ErrForbidden, strings.Join(out, "; "))
}

// print writes the survey for a person.
func (s survey) print(b *strings.Builder) {
	for _, r := range s.Rights {
		fmt.Fprintf(b, "  right: %s in namespace %s: %s", r.Resource, r.Namespace, strings.Join(r.Verbs, ", "))
		if len(r.Missing) > 0 {
			fmt.Fprintf(b, "; missing: %s", strings.Join(r.Missing, ", "))
		}
		b.WriteString("\n")
	}
	for _, r := range s.Runs {
		fmt.Fprintf(b, "  conflicts with: %s\n", r)
	}
}
