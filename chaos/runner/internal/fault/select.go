package fault

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

// Select chooses the targets of a selector among the pods given, as Chaos Mesh
// does: first by the selector, then by the mode. Pods in back-off are chosen last. The choice depends on nothing
// but the set of pods and rng; targets are ordered by namespace and name.
//
// It returns an error that wraps ErrNoTarget when nothing is chosen, with what
// was looked for, also when mode random-max-percent draws 0%.
// Without container names, the first container of each pod is the target of a
// container fault; a pod that lacks the named containers is not a target.
func Select(pods []Pod, sel Selector, defaultNamespace string, rng *rand.Rand) ([]Target, error) {
	match, err := matcherOf(sel.Selector, defaultNamespace)
	if err != nil {
		return nil, fmt.Errorf("selector: %w", err)
	}
	var matched []Pod
	for _, p := range pods {
		if match(p) {
			matched = append(matched, p)
		}
	}
	slices.SortFunc(matched, func(a, b Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	if len(matched) == 0 {
		return nil, fmt.Errorf("%w: none of %d pods matches; compare the labels and namespace of the selector with the pods", ErrNoTarget, len(pods))
	}
	n, how, err := size(sel.Mode, sel.Value, len(matched), rng)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: %s of %d pods selects no pod; use mode fixed-percent to hit some in every run", ErrNoTarget, how, len(matched))
	}
	// What a restart costs a pod that restarted before says little about the platform.
	drawn := rng.Perm(len(matched))
	slices.SortStableFunc(drawn, func(a, b int) int { return later(matched[a].BackOff) - later(matched[b].BackOff) })
	chosen := drawn[:n]
	slices.Sort(chosen)

	var targets []Target
	for _, i := range chosen {
		targets = append(targets, targetsIn(matched[i], sel)...)
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%w: none of the chosen pods has a container named in %q", ErrNoTarget, sel.ContainerNames)
	}
	return targets, nil
}

// later orders what is true behind what is false.
func later(is bool) int {
	if is {
		return 1
	}
	return 0
}

// size is how many of n pods a mode chooses, with words for how it came about.
// Percentages round up, as in Chaos Mesh; the random one is drawn from 0 to the
// maximum, both included, so that it alone can come to none.
func size(mode v1alpha1.SelectorMode, value string, n int, rng *rand.Rand) (int, string, error) {
	switch mode {
	case v1alpha1.OneMode:
		return 1, "one", nil
	case v1alpha1.AllMode:
		return n, "all", nil
	default: // the others take a value
	}
	v, err := strconv.Atoi(value)
	switch {
	case err != nil || v < 1:
		return 0, "", fmt.Errorf("value %q of mode %q is not a whole number from 1", value, mode)
	case mode == v1alpha1.FixedMode:
		return min(v, n), value, nil
	case v > 100:
		return 0, "", fmt.Errorf("value %q of mode %q is over 100 percent", value, mode)
	case mode == v1alpha1.FixedPercentMode:
		return percentOf(n, v), value + "%", nil
	case mode == v1alpha1.RandomMaxPercentMode:
		drawn := rng.IntN(v + 1)
		return percentOf(n, drawn), fmt.Sprintf("%d%%, drawn at random up to %d%%,", drawn, v), nil
	default:
		return 0, "", fmt.Errorf("unknown mode %q", mode)
	}
}

// percentOf is the least number of pods that is at least this share of n.
func percentOf(n, percent int) int { return (n*percent + 99) / 100 }

func targetsIn(p Pod, sel Selector) []Target {
	t := Target{Namespace: p.Namespace, Pod: p.Name, UID: p.UID, Workload: p.Workload}
	if !sel.PerContainer {
		return []Target{t}
	}
	var out []Target
	for i, name := range p.Containers {
		if len(sel.ContainerNames) == 0 && i == 0 || slices.Contains(sel.ContainerNames, name) {
			t.Container = name
			out = append(out, t)
		}
	}
	return out
}
