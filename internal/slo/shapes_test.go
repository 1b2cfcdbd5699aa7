package slo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	sliced       = "[{target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 1m}]"
	below5       = "[{target: 0.99, op: lt, value: 5}]"
	conditionDoc = "apiVersion: openslo/v1\nkind: AlertCondition\nmetadata: {name: fast}\nspec: {severity: page, condition: {kind: burnrate, op: gt, threshold: 10, lookbackWindow: 2h, alertAfter: 5m}}\n---\n"
	targetDoc    = "apiVersion: openslo/v1\nkind: AlertNotificationTarget\nmetadata: {name: on-call}\nspec: {target: email, description: Those on call.}\n---\n"
	policyDocs   = "apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: {name: orders-fail}\nspec: {alertWhenBreaching: true, alertWhenResolved: false, conditions: [{conditionRef: fast}], notificationTargets: [{targetRef: on-call}]}\n---\n" + conditionDoc + targetDoc
	inlined      = "{kind: AlertPolicy, metadata: {name: slow}, spec: {alertWhenBreaching: true, alertWhenNoData: true, conditions: [{kind: AlertCondition, metadata: {name: c}, spec: {severity: ticket, condition: {threshold: 1.5, lookbackWindow: 12h}}}], notificationTargets: [{kind: AlertNotificationTarget, metadata: {name: team}, spec: {target: chat}}]}}"
)

func thresholdOf(query string) string {
	return "  indicator: {metadata: {name: i}, spec: {thresholdMetric: " + source(query) + "}}"
}

func rawOf(kind, query string) string {
	return "  indicator: {metadata: {name: i}, spec: {ratioMetric: {rawType: " + kind + ", raw: " + source(query) + "}}}"
}

func inSlices(text string) string { return strings.Replace(text, "Occurrences", "Timeslices", 1) }

func withPolicies(list string) string {
	return strings.Replace(doc("a", ratioOf(isCounter, "good", good200, total), rolling, three9s), "  service: shop\n", "  service: shop\n  alertPolicies: ["+list+"]\n", 1)
}

var (
	slicesOfEvents = inSlices(doc("a", ratioOf(isCounter, "good", good200, total), rolling, sliced))
	gaugeSLO       = doc("a", thresholdOf(`max(queue_length{queue="mail"})`), rolling, below5)
	rawSLO99       = doc("a", rawOf("success", `shop_success_ratio`), rolling, "[{target: 0.99}]")
	latencySLO     = doc("a", thresholdOf(`request_seconds_bucket{job="shop"}`), rolling, "[{target: 0.99, op: lte, value: 0.25}]")
	policySLO      = withPolicies("{alertPolicyRef: orders-fail}")
)

func TestAcceptedShapes(t *testing.T) {
	const day = 24 * time.Hour
	base := SLO{Name: "a", Service: "shop", File: "f.yaml", Line: 1, Objective: 0.99, Window: 30 * day}
	with := func(change func(*SLO)) []SLO {
		s := base
		change(&s)
		return []SLO{s}
	}
	counted := func(good, total string) []SLO { return with(func(s *SLO) { s.Good, s.Total = good, total }) }
	judged := func(q Slices) []SLO { return with(func(s *SLO) { s.Slices = &q }) }
	quarter := `{duration: 1Q, isRolling: true}`
	for name, tt := range map[string]struct {
		text string
		want []SLO
	}{
		"time slices of events": {slicesOfEvents, with(func(s *SLO) {
			s.Good, s.Total, s.Slices = good200, total, &Slices{Length: time.Minute, Target: 0.95}
		})},
		"time slices whose length is a number of minutes": {
			strings.Replace(slicesOfEvents, "timeSliceWindow: 1m", "timeSliceWindow: 5", 1),
			with(func(s *SLO) {
				s.Good, s.Total, s.Slices = good200, total, &Slices{Length: 5 * time.Minute, Target: 0.95}
			}),
		},
		"time slices all of which has to be good": {
			strings.Replace(slicesOfEvents, "0.95", "1.0", 1),
			with(func(s *SLO) { s.Good, s.Total, s.Slices = good200, total, &Slices{Length: time.Minute, Target: 1} }),
		},
		"a gauge below a value": {gaugeSLO, judged(Slices{Length: time.Minute, Query: `max(queue_length{queue="mail"})`, Op: "<", Value: 5})},
		"a gauge above a negative value": {
			doc("a", thresholdOf("celsius"), rolling, "[{target: 0.99, op: gte, value: -18.5}]"),
			judged(Slices{Length: time.Minute, Query: "celsius", Op: ">=", Value: -18.5}),
		},
		"time slices of a gauge": {
			inSlices(doc("a", thresholdOf("queue_length"), rolling, "[{target: 0.99, op: lte, value: 5, timeSliceTarget: 0.5, timeSliceWindow: 2m}]")),
			judged(Slices{Length: 2 * time.Minute, Target: 0.5, Query: "queue_length", Op: "<=", Value: 5}),
		},
		"a quantile, which is a number at each instant": {
			doc("a", thresholdOf("histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[5m])))"), rolling, "[{target: 0.99, op: lte, value: 0.25}]"),
			judged(Slices{Length: time.Minute, Query: "histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[5m])))", Op: "<=", Value: 0.25}),
		},
		"a rate of a counter": {
			doc("a", thresholdOf("sum(rate(orders_total[5m]))"), rolling, "[{target: 0.99, op: gt, value: 1}]"),
			judged(Slices{Length: time.Minute, Query: "sum(rate(orders_total[5m]))", Op: ">", Value: 1}),
		},
		"an age": {
			doc("a", thresholdOf("time() - max(last_import_seconds)"), rolling, "[{target: 0.99, op: lt, value: 600}]"),
			judged(Slices{Length: time.Minute, Query: "time() - max(last_import_seconds)", Op: "<", Value: 600}),
		},
		"a histogram's buckets":   {latencySLO, counted(`request_seconds_bucket{job="shop",le="0.25"}`, `request_seconds_count{job="shop"}`)},
		"buckets in a rate":       {strings.Replace(latencySLO, `request_seconds_bucket{job="shop"}`, `sum by (le) (rate(request_seconds_bucket{job="shop"}[5m]))`, 1), counted(`request_seconds_bucket{job="shop",le="0.25"}`, `request_seconds_count{job="shop"}`)},
		"a bound without decimal": {strings.Replace(latencySLO, "value: 0.25", "value: 2", 1), counted(`request_seconds_bucket{job="shop",le=~"2(\\.0)?"}`, `request_seconds_count{job="shop"}`)},
		"time slices of a histogram": {
			inSlices(strings.Replace(latencySLO, "value: 0.25", "value: 0.25, timeSliceTarget: 0.9, timeSliceWindow: 1m", 1)),
			with(func(s *SLO) {
				s.Good, s.Total = `request_seconds_bucket{job="shop",le="0.25"}`, `request_seconds_count{job="shop"}`
				s.Slices = &Slices{Length: time.Minute, Target: 0.9}
			}),
		},
		"two bounds of one histogram": {
			strings.Replace(latencySLO, "[{target", "[{target: 0.9, op: lte, value: 0.1}, {target", 1),
			[]SLO{
				with(func(s *SLO) {
					s.Name, s.Objective = "a-1", 0.9
					s.Good, s.Total = `request_seconds_bucket{job="shop",le="0.1"}`, `request_seconds_count{job="shop"}`
				})[0],
				with(func(s *SLO) {
					s.Name = "a-2"
					s.Good, s.Total = `request_seconds_bucket{job="shop",le="0.25"}`, `request_seconds_count{job="shop"}`
				})[0],
			},
		},
		"a ratio that is computed already": {rawSLO99, judged(Slices{Length: time.Minute, Query: "shop_success_ratio"})},
		"a ratio of bad events":            {strings.Replace(rawSLO99, "success", "failure", 1), judged(Slices{Length: time.Minute, Query: "shop_success_ratio", Bad: true})},
		"a ratio of gauges":                {doc("a", rawOf("success", "avg(up)"), rolling, "[{target: 0.99}]"), judged(Slices{Length: time.Minute, Query: "avg(up)"})},
		"time slices of a ratio": {
			inSlices(doc("a", rawOf("success", "shop_success_ratio"), quarter, sliced)),
			with(func(s *SLO) {
				s.Window, s.Slices = 90*day, &Slices{Length: time.Minute, Target: 0.95, Query: "shop_success_ratio"}
			}),
		},
		"a ratio of two counters, which are counted": {
			doc("a", rawOf("success", `sum(rate(orders_total{code="200"}[5m])) / sum(rate(orders_total[5m]))`), rolling, "[{target: 0.99}]"), counted(good200, total),
		},
		"a ratio of bad to all events, which are counted": {
			doc("a", rawOf("failure", `(sum(rate(orders_total{code!="200"}[5m])) / sum(rate(orders_total[5m])))`), rolling, "[{target: 0.99}]"), counted(good200, total),
		},
		"an alert policy of other documents": {policySLO + policyDocs, with(func(s *SLO) {
			s.Good, s.Total, s.Objective = good200, total, 0.999
			s.Policies = []Policy{{BurnWindow: BurnWindow{Tier: "orders-fail", Severity: Page, Long: 2 * time.Hour, Short: 10 * time.Minute, Rate: 10, Share: 10 * 2.0 / 720}, For: 5 * time.Minute, Targets: "on-call"}}
		})},
		"two alert policies, one on the spot": {withPolicies("{alertPolicyRef: orders-fail}, "+inlined) + policyDocs, with(func(s *SLO) {
			s.Good, s.Total, s.Objective = good200, total, 0.999
			s.Policies = []Policy{
				{BurnWindow: BurnWindow{Tier: "orders-fail", Severity: Page, Long: 2 * time.Hour, Short: 10 * time.Minute, Rate: 10, Share: 10 * 2.0 / 720}, For: 5 * time.Minute, Targets: "on-call"},
				{BurnWindow: BurnWindow{Tier: "slow", Severity: Ticket, Long: 12 * time.Hour, Short: time.Hour, Rate: 1.5, Share: 1.5 * 12 / 720}, Targets: "team"},
			}
		})},
		"no alert policies": {withPolicies(""), with(func(s *SLO) { s.Good, s.Total, s.Objective = good200, total, 0.999 })},
		"a source with the type of its DataSource": {
			doc("a", "  indicatorRef: orders", rolling, "[{target: 0.99}]") + strings.Replace(sli, "metricSourceRef: prom", "type: Prometheus, metricSourceRef: prom", 1) + dataSource, counted(good200, total),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode("f.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				got[i].DisplayName = ""
				for j := range got[i].Policies {
					got[i].Policies[j].Share -= tt.want[i].Policies[j].Share
					if s := got[i].Policies[j].Share; s > 1e-9 || s < -1e-9 {
						t.Errorf("the share differs by %v", s)
					}
					got[i].Policies[j].Share = tt.want[i].Policies[j].Share
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Each is refused in one line, which says why.
func TestRefusedShapes(t *testing.T) {
	replaced := func(text, old, by string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in %s", old, text)
		}
		return strings.Replace(text, old, by, 1)
	}
	policed := policySLO + policyDocs
	week := replaced(slicesOfEvents, "30d", "7d")
	for name, tt := range map[string]struct{ text, want string }{
		"a slice longer than the shortest window": {replaced(slicesOfEvents, "timeSliceWindow: 1m", "timeSliceWindow: 10m"), "timeSliceWindow: 10m is longer than 5m, the shortest window"},
		"and of a week":                          {replaced(week, "timeSliceWindow: 1m", "timeSliceWindow: 3m"), "timeSliceWindow: 3m is longer than 2m"},
		"a slice of seconds":                     {replaced(slicesOfEvents, "timeSliceWindow: 1m", "timeSliceWindow: 90s"), "use whole minutes"},
		"a slice of nothing":                     {replaced(slicesOfEvents, "timeSliceWindow: 1m", "timeSliceWindow: 0"), "use whole minutes"},
		"a slice whose length is not a duration": {replaced(slicesOfEvents, "timeSliceWindow: 1m", "timeSliceWindow: soon"), "want a duration such as 1m"},
		"a slice target above one":               {replaced(slicesOfEvents, "timeSliceTarget: 0.95", "timeSliceTarget: 95"), "timeSliceTarget: 95 is out of range"},
		"a slice target of zero":                 {replaced(slicesOfEvents, "timeSliceTarget: 0.95", "timeSliceTarget: 0"), "timeSliceTarget: 0 is out of range"},
		"a slice target where events are counted": {
			replaced(doc("a", ratioOf(isCounter, "good", good200, total), rolling, three9s), "{target: 0.999}", "{target: 0.999, timeSliceTarget: 0.95}"), "belongs to budgetingMethod: Timeslices",
		},
		"a threshold without operator":         {replaced(gaugeSLO, "op: lt, ", ""), "objectives[0].op: is missing"},
		"a threshold without value":            {replaced(gaugeSLO, ", value: 5", ""), "objectives[0].value: is missing"},
		"an unknown operator":                  {replaced(gaugeSLO, "op: lt", "op: eq"), `op: "eq" is not supported`},
		"an operator of a ratio":               {replaced(slicesOfEvents, "target: 0.99,", "target: 0.99, op: gt,"), "op: belongs to a thresholdMetric"},
		"a value of a ratio":                   {replaced(rawSLO99, "target: 0.99", "target: 0.99, value: 1"), "value: belongs to a thresholdMetric"},
		"a threshold beside a ratio":           {replaced(gaugeSLO, "thresholdMetric", "ratioMetric: {counter: true, good: "+source(good200)+", total: "+source(total)+"}, thresholdMetric"), "cannot be given together with ratioMetric"},
		"a threshold of a counter":             {replaced(gaugeSLO, `max(queue_length{queue="mail"})`, "orders_total"), "orders_total is a counter by its name"},
		"a threshold of a number":              {replaced(gaugeSLO, `max(queue_length{queue="mail"})`, "time()"), "gives a scalar"},
		"a threshold that reads nothing":       {replaced(gaugeSLO, `max(queue_length{queue="mail"})`, "vector(1)"), "reads no metric"},
		"a threshold pinned to a time":         {replaced(gaugeSLO, `max(queue_length{queue="mail"})`, "queue_length @ 0"), "must not be pinned"},
		"a threshold of metrics by pattern":    {replaced(gaugeSLO, `max(queue_length{queue="mail"})`, `max({__name__=~"queue.*"})`), "must name the metrics"},
		"above a bucket":                       {replaced(latencySLO, "op: lte", "op: gt"), "cannot be counted in buckets"},
		"below a bucket":                       {replaced(latencySLO, "op: lte", "op: lt"), "cannot be counted in buckets"},
		"a threshold of one bucket":            {replaced(latencySLO, `{job="shop"}`, `{job="shop",le="0.25"}`), "selects buckets by le itself"},
		"a raw ratio of no type":               {replaced(rawSLO99, "rawType: success, ", ""), "rawType: is missing"},
		"a raw ratio of another type":          {replaced(rawSLO99, "rawType: success", "rawType: percent"), `rawType: "percent" is not supported`},
		"a type without a raw ratio":           {replaced(rawSLO99, ", raw: "+source("shop_success_ratio"), ""), "ratioMetric.raw: is missing"},
		"a raw ratio beside events":            {replaced(rawSLO99, "rawType: success", "total: "+source(total)+", rawType: success"), "ratioMetric.total: cannot be given together with raw"},
		"a raw ratio of bad events of another": {doc("a", rawOf("failure", `sum(rate(errors_total[5m])) / sum(rate(orders_total[5m]))`), rolling, three9s), "must have all labels of total and one more"},
		"a policy that is nowhere":             {policySLO, `alertPolicyRef: no AlertPolicy "orders-fail" is in the files`},
		"a condition that is nowhere":          {replaced(policed, conditionDoc, ""), `conditionRef: no AlertCondition "fast" is in the files`},
		"a target that is nowhere":             {replaced(policed, targetDoc, ""), `targetRef: no AlertNotificationTarget "on-call" is in the files`},
		"a severity that is not routed":        {replaced(policed, "severity: page", "severity: sev1"), `severity: "sev1" is not supported`},
		"another kind of condition":            {replaced(policed, "kind: burnrate", "kind: budget"), `condition.kind: "budget" is not supported`},
		"a condition for a burn that is low":   {replaced(policed, "op: gt", "op: lte"), `condition.op: "lte" is not supported`},
		"a burn rate that is beyond an outage": {replaced(policed, "threshold: 10", "threshold: 1000"), "cannot be exceeded: with this objective, that of a full outage is 1000"},
		"a burn rate of nothing":               {replaced(policed, "threshold: 10", "threshold: 0"), "is always exceeded"},
		"a window too short to be divided":     {replaced(policed, "lookbackWindow: 2h", "lookbackWindow: 5m"), "use at least 24m"},
		"a window of odd seconds":              {replaced(policed, "lookbackWindow: 2h", "lookbackWindow: 1801s"), "write whole minutes"},
		"a window longer than the period":      {replaced(policed, "lookbackWindow: 2h", "lookbackWindow: 1Q"), "is longer than the timeWindow"},
		"a wait that is not a duration":        {replaced(policed, "alertAfter: 5m", "alertAfter: soon"), "alertAfter: \"soon\" is not a duration"},
		"a policy that never alerts":           {replaced(policed, "alertWhenBreaching: true", "alertWhenBreaching: false"), "would never alert"},
		"a policy that alerts of the end":      {replaced(policed, "alertWhenResolved: false", "alertWhenResolved: true"), "send_resolved"},
		"a policy that pages without data":     {replaced(policed, "alertWhenResolved: false", "alertWhenNoData: true"), "add the annotation ballast.dev/no-data: page"},
		"a policy with two conditions":         {replaced(policed, "{conditionRef: fast}", "{conditionRef: fast}, {conditionRef: fast}"), "spec.conditions: must be a list of exactly one entry"},
		"a policy named as a tier":             {strings.ReplaceAll(policed, "orders-fail", "page-fast"), "is the name of a tier"},
		"a policy given twice":                 {replaced(policed, "{alertPolicyRef: orders-fail}", "{alertPolicyRef: orders-fail}, {alertPolicyRef: orders-fail}"), "is given twice"},
		"three policies":                       {replaced(policed, "{alertPolicyRef: orders-fail}", "{alertPolicyRef: a}, {alertPolicyRef: b}, {alertPolicyRef: c}"), "has room for the alerts of 2"},
		"a policy of another kind":             {withPolicies(strings.Replace(inlined, "kind: AlertPolicy", "kind: Alert", 1)), `kind: "Alert" is not supported here; write AlertPolicy`},
		"a slice longer than a policy's short window": {
			replaced(strings.Replace(policySLO, "Occurrences", "Timeslices", 1), three9s, "[{target: 0.99, timeSliceTarget: 0.9, timeSliceWindow: 5m}]") + strings.Replace(policyDocs, "lookbackWindow: 2h", "lookbackWindow: 30m", 1),
			"is shorter than a time slice, 5m",
		},
		"a target of no kind":                 {replaced(policed, "spec: {target: email, ", "spec: {"), "spec.target: is missing"},
		"a type that is not the DataSource's": {doc("a", "  indicatorRef: orders", rolling, three9s) + strings.Replace(sli, "metricSourceRef: prom", "type: Datadog, metricSourceRef: prom", 1) + dataSource, `type: "Datadog" is not the type of the DataSource "prom"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode("f.yaml", []byte(tt.text))
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(problems[0].String(), tt.want) {
				t.Errorf("got %v, want one problem with %q", err, tt.want)
			}
		})
	}
}
