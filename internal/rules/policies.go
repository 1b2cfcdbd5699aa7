package rules

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

// LabelTarget carries the names of the notification targets of an alert policy.
const LabelTarget = "notification_target"

// policyWindows are those that the alerts of policies need and no tier has.
func (g generator) policyWindows() []time.Duration {
	var windows []time.Duration
	for _, p := range g.slo.Policies {
		windows = append(windows, p.Short, p.Long)
	}
	quick, slow := g.windows()
	return fresh(windows, slices.Concat(quick, slow))
}

// policyCounts are the events over the long windows of policies that no tier has.
func (g generator) policyCounts() []rulefmt.Rule {
	var windows, counted []time.Duration
	for _, p := range g.slo.Policies {
		windows = append(windows, p.Long)
	}
	for _, t := range g.slo.Tiers() {
		counted = append(counted, t.Long)
	}
	var rules []rulefmt.Rule
	for _, w := range fresh(windows, counted) {
		rules = append(rules, g.count(w)...)
	}
	return rules
}

// fresh are the windows that are not known, in order and once.
func fresh(windows, known []time.Duration) []time.Duration {
	slices.Sort(windows)
	return slices.DeleteFunc(slices.Compact(windows), func(w time.Duration) bool { return slices.Contains(known, w) })
}

// policyAlerts are the alerts of policies: tiers of their own, which may wait.
func (g generator) policyAlerts() []rulefmt.Rule {
	var rules []rulefmt.Rule
	for _, p := range g.slo.Policies {
		r := g.burnAlert(p.BurnWindow)
		r.For = model.Duration(p.For)
		if p.Targets != "" {
			r.Labels[LabelTarget] = p.Targets
		}
		rules = append(rules, r)
	}
	return rules
}

// windowOf is the window of an SLO's alert that has these labels.
func windowOf(s slo.SLO, own map[string]string) (slo.BurnWindow, bool) {
	for _, w := range s.Burns() {
		if window(w.Long) == own[LabelLongWindow] && window(w.Short) == own[LabelShortWindow] && (own[LabelTier] == "" || own[LabelTier] == w.Tier) {
			return w, true
		}
	}
	return slo.BurnWindow{}, false
}
