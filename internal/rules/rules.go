// Package rules turns SLOs into Prometheus rules, and works on rule files as
// data: load, scale in time, write, lint, model. No rule is evaluated here.
//
//	alerts/slo ──From─────┐
//	                      ├─ Generate ─→ alerts/rules/prometheus ─ Load ─→ Scale ─→ Write
//	alerts/resource ──────┘                                          └───→ Models
package rules

import (
	"slices"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// The labels of burn-rate alerts and of recorded series. The windows are those of the
// unscaled rule, as a reader of the SRE workbook knows them.
const (
	LabelSeverity    = "severity"
	LabelSLO         = "slo"
	LabelService     = "service"
	LabelWindow      = "window" // of recorded series
	LabelTier        = "tier"
	LabelLongWindow  = "long_window"
	LabelShortWindow = "short_window"
)

// AlertNames lists the distinct alert names of the groups in alphabetical order.
func AlertNames(groups []rulefmt.RuleGroup) []string {
	var names []string
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				names = append(names, r.Alert)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// newParser is the dialect of every rule here: PromQL without experiments.
func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }
