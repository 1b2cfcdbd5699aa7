package main

import (
	"slices"
	"strings"
	"testing"
)

// deaf are dashboards, rows and panels that do not follow a variable, and why.
func deaf() map[string]string {
	return map[string]string{
		"$namespace of Platform": "its programs are in one place each; the namespace narrows down the targets of scrapes",
		"$service of SLO detail": "it chooses which SLOs can be chosen",
		"$tier of SLO detail":    "it chooses for which tiers there is a chart",
		"$namespace of Monitor: What clients get (seen by the probe)": "the probe is outside, and asks the service and no replica",
		"$replica of Monitor: What clients get (seen by the probe)":   "the probe is outside, and asks the service and no replica",
		"$experiment of Chaos: Guard":                                 "the guard is there for all experiments",
		"$target of Chaos: Guard":                                     "the guard is there for all experiments",
		"$experiment of Chaos: Alerts":                                "an alert is expected by several experiments, and the ledger counts their runs together",
		"$target of Chaos: Over time: Budget spent":                   "what is spent has no target: only runs on a cluster spend",
	}
}

// A panel that does not follow a variable shows numbers of what the reader did not choose.
// Where it adds them up, no label in its answer says so.
func TestPanelsFollowTheVariables(t *testing.T) {
	used := map[string]bool{}
	for _, d := range generated(t) {
		for _, v := range d.Templating.List {
			if _, _, ok := v.Values(); !ok {
				continue
			}
			for _, p := range d.Panels {
				for _, target := range p.Targets {
					if strings.Contains(target.Expr, "$"+v.Name) {
						continue
					}
					name := "$" + v.Name + " of " + d.Key(p)
					excuse := slices.IndexFunc(excuses(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
					if excuse < 0 {
						t.Errorf("%s: query %s does not use it", name, target.Ref)
						continue
					}
					used[excuses()[excuse]] = true
				}
			}
		}
	}
	for _, excuse := range excuses() {
		if !used[excuse] {
			t.Errorf("%s is excused and follows the variable", excuse)
		}
	}
}

func excuses() []string {
	var all []string
	for name := range deaf() {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
