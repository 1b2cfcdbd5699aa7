package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// servedWithin is the time within which a share of the pushes of the range served.
func servedWithin(share float64, by string) string {
	return fmt.Sprintf("histogram_quantile(%v, sum by (%s) (increase(ballast_push_serving_seconds_bucket[$__range])))", share, by)
}

// pushPanels are the lead time: from the end of a push until every application that it
// changes runs it and is healthy. Only the repositories of a sandbox measure it.
func pushPanels() []panel {
	lead := func(title, about string, share float64) panel {
		p := tile(title, about, units.Seconds, servedWithin(share, "le"), []step{{color: "green"}, {120, "orange"}, {300, "red"}})
		p.w, p.none = 6, "No push"
		return p
	}
	failed := tile("Pushes that do not serve", "Pushes within the range that could not be built, or that did not serve a quarter of an hour later. What ran before still runs, or an application is unhealthy.",
		units.Number, `sum(increase(ballast_pushes_total{outcome!="serving"}[$__range]))`, []step{{color: "green"}, {0.5, "red"}})
	failed.w, failed.none = 6, "Not measured"
	waiting := tile("Waiting", "How long the oldest push has waited that does not serve yet. Builds that are under way are not in it.", units.Seconds,
		"max(ballast_push_waiting_seconds)", []step{{color: "green"}, {120, "orange"}, {300, "red"}})
	waiting.w, waiting.none = 6, "Not measured"
	return []panel{
		lead("Half serve within", "Half of the pushes of the range served within this time. Pushes that do not serve are not in it.", 0.5),
		lead("Nine of ten serve within", "Nine of ten pushes of the range served within this time. Pushes that do not serve are not in it.", 0.9),
		waiting,
		failed,
		chart("From push to serving", "Within which time nine of ten pushes served, of those of the range that ends at each time. Those for which images were built take longer.", units.Seconds,
			query{servedWithin(0.9, "le, built"), "images built: {{built}}"}),
		chart("Pushes", "Pushes that change applications, by what became of them. serving: it serves; not-built: an image could not be built; late: it did not serve a quarter of an hour after it was built.", units.Number,
			query{"sum by (outcome) (increase(ballast_pushes_total[$__rate_interval]))", "{{outcome}}"}),
	}
}
