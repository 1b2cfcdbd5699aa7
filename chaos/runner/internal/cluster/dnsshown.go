package cluster

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// recentLookups is the series in which a pod says how its last lookups went, of the names
// that the patterns of a fault are about.
func recentLookups(hit fault.Target, patterns []string, outcome string) string {
	series := fmt.Sprintf("probe_recent_lookups{outcome=%q,%s", outcome, podSeries(hit))
	if len(patterns) > 0 {
		series += ",host=~" + strconv.Quote(hostsOf(patterns))
	}
	return series + "}"
}

// hostsOf is the regular expression of the patterns of a DNSChaos: ? is one character, *
// at the end any number of them.
func hostsOf(patterns []string) string {
	all := make([]string, len(patterns))
	for i, p := range patterns {
		all[i] = strings.NewReplacer(`\?`, `.`, `\*`, `.*`).Replace(regexp.QuoteMeta(p))
	}
	return strings.Join(all, "|")
}

// resolvable returns an error that wraps fault.ErrNotInjectable when a target of a DNSChaos
// does not say itself how it resolves a name that the fault is about: what a pod is
// answered, nobody else sees.
func (t *Target) resolvable(ctx context.Context, f fault.Planned, s v1alpha1.DNSChaosSpec) error {
	for _, hit := range f.Targets {
		same, err := t.earlier(ctx, recentLookups(hit, s.DomainNamePatterns, "same"), time.Time{})
		switch {
		case err != nil:
			return fmt.Errorf("%w: nobody but pod %s sees what DNS answers it, and it has no metric probe_recent_lookups of a name that %s: %w; ballast load --lookups, with a URL by such a name, has one",
				fault.ErrNotInjectable, hit.Pod, about(s.DomainNamePatterns), err)
		case same == 0:
			return fmt.Errorf("%w: none of the last lookups of pod %s succeeded as before, so that a fault of DNS could not be told apart; repair that first", fault.ErrNotInjectable, hit.Pod)
		}
	}
	return nil
}

func about(patterns []string) string {
	if len(patterns) == 0 {
		return "is looked up"
	}
	return fmt.Sprintf("matches %v", patterns)
}

// observeNames looks at how the pod says that it resolved names of late.
func (t *Target) observeNames(ctx context.Context, o *v1alpha1.DNSChaos, before snapshot, hit fault.Target) effect {
	want, says := "error", "brought no answer"
	if o.Spec.Action == v1alpha1.RandomAction {
		want, says = "changed", "brought another address than the one before"
	}
	was, err := t.earlier(ctx, recentLookups(hit, o.Spec.DomainNamePatterns, want), before.at)
	if err != nil {
		return unmeasured("how the pod resolved names before the fault", err)
	}
	n := map[string]float64{}
	for _, outcome := range []string{"same", "changed", "error"} {
		if n[outcome], err = t.reading(ctx, recentLookups(hit, o.Spec.DomainNamePatterns, outcome), before.at); err != nil {
			return unmeasured("how the pod resolves names", err)
		}
	}
	all := n["same"] + n["changed"] + n["error"]
	text := fmt.Sprintf("%g of the pod's last %g lookups %s, where %g did before", n[want], all, says, was)
	return effect{shown: was == 0 && all > 0 && n[want] == all, text: text}
}
