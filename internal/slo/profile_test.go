package slo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// doc is an SLO document of the shapes that people write.
func doc(name, indicator, window, objectives string) string {
	return "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: " + name + "}\nspec:\n  service: shop\n" + indicator +
		"\n  timeWindow: [" + window + "]\n  budgetingMethod: Occurrences\n  objectives: " + objectives + "\n---\n"
}

func ratioOf(counter, goodOrBad, query, total string) string {
	return "  indicator: {metadata: {name: i}, spec: {ratioMetric: {" + counter + goodOrBad + ": " + source(query) + ", total: " + source(total) + "}}}"
}

func source(query string) string {
	return "{metricSource: {type: Prometheus, spec: {query: '" + query + "'}}}"
}

const (
	isCounter = "counter: true, "
	rolling   = "{duration: 30d, isRolling: true}"
	three9s   = "[{target: 0.999}]"
	sli       = `apiVersion: openslo/v1
kind: SLI
metadata: {name: orders}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {metricSourceRef: prom, spec: {query: 'sum(rate(orders_total{code="200"}[5m]))'}}}
    total: {metricSource: {metricSourceRef: prom, spec: {query: 'orders_total'}}}
---
`
	dataSource = "apiVersion: openslo/v1\nkind: DataSource\nmetadata: {name: prom}\nspec: {type: Prometheus, connectionDetails: {url: 'http://prometheus:9090'}}\n---\n"
	service    = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: shop, displayName: The shop}\nspec: {description: Sells.}\n---\n"
)

const good200, total = `orders_total{code="200"}`, `orders_total`

func TestAcceptedDocuments(t *testing.T) {
	const day = 24 * time.Hour
	plain := SLO{Name: "a", Objective: 0.999, Window: 30 * day, Good: good200, Total: total}
	with := func(change func(*SLO)) []SLO {
		s := plain
		change(&s)
		return []SLO{s}
	}
	for name, tt := range map[string]struct {
		text string
		want []SLO // name, objective, window, good and total count
	}{
		"good and total counters":         {doc("a", ratioOf(isCounter, "good", good200, total), rolling, three9s), []SLO{plain}},
		"rates instead of counter: true":  {doc("a", ratioOf("", "good", `sum(rate(orders_total{code="200"}[5m]))`, `sum(rate(orders_total[5m]))`), rolling, three9s), []SLO{plain}},
		"increases without a sum":         {doc("a", ratioOf("counter: false, ", "good", `increase(orders_total{code="200"}[1h])`, `(increase(orders_total[1h]))`), rolling, three9s), []SLO{plain}},
		"sums of counters":                {doc("a", ratioOf(isCounter, "good", `sum(orders_total{code="200"})`, `sum(orders_total)`), rolling, three9s), []SLO{plain}},
		"bad events of one label more":    {doc("a", ratioOf(isCounter, "bad", `orders_total{code=~"5.."}`, total), rolling, three9s), with(func(s *SLO) { s.Good = `orders_total{code!~"5.."}` })},
		"bad events in a rate":            {doc("a", ratioOf("", "bad", `sum(rate(orders_total{job="shop",code!="200"}[5m]))`, `sum(rate(orders_total{job="shop"}[5m]))`), rolling, three9s), with(func(s *SLO) { s.Good, s.Total = `orders_total{code="200",job="shop"}`, `orders_total{job="shop"}` })},
		"a target in percent":             {doc("a", ratioOf(isCounter, "good", good200, total), rolling, "[{targetPercent: 99.95}]"), with(func(s *SLO) { s.Objective = 0.9995 })},
		"a week":                          {doc("a", ratioOf(isCounter, "good", good200, total), "{duration: 1w, isRolling: true}", three9s), with(func(s *SLO) { s.Window = 7 * day })},
		"a month":                         {doc("a", ratioOf(isCounter, "good", good200, total), "{duration: 1M, isRolling: true}", three9s), []SLO{plain}},
		"a quarter":                       {doc("a", ratioOf(isCounter, "good", good200, total), "{duration: 1Q, isRolling: true}", three9s), with(func(s *SLO) { s.Window = 90 * day })},
		"a year":                          {doc("a", ratioOf(isCounter, "good", good200, total), "{duration: 1Y, isRolling: true}", three9s), with(func(s *SLO) { s.Window = 365 * day })},
		"a name that begins with a digit": {doc("2xx-orders", ratioOf(isCounter, "good", good200, total), rolling, three9s), with(func(s *SLO) { s.Name = "2xx-orders" })},
		"an SLI that is named, before it": {doc("a", "  indicatorRef: orders", rolling, three9s) + sli + dataSource, []SLO{plain}},
		"a service that is described":     {service + doc("a", ratioOf(isCounter, "good", good200, total), rolling, three9s), []SLO{plain}},
		"two SLOs of one SLI": {sli + dataSource + doc("a", "  indicatorRef: orders", rolling, three9s) + doc("b", "  indicatorRef: orders", rolling, "[{target: 0.99}]"), []SLO{
			plain, with(func(s *SLO) { s.Name, s.Objective = "b", 0.99 })[0],
		}},
		"several objectives": {doc("a", ratioOf(isCounter, "good", good200, total), rolling, "[{displayName: Three 9s!, target: 0.999}, {targetPercent: 99}]"), []SLO{
			with(func(s *SLO) { s.Name = "a-three-9s" })[0], with(func(s *SLO) { s.Name, s.Objective = "a-2", 0.99 })[0],
		}},
		"metadata of an indicator": {strings.Replace(doc("a", ratioOf(isCounter, "good", good200, total), rolling, three9s), "{name: i}", "{name: i, displayName: I, labels: {a: [b, c]}, annotations: {d: e}}", 1), []SLO{plain}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode("f.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("%d SLOs, want %d", len(got), len(tt.want))
			}
			for i, w := range tt.want {
				if g := got[i]; g.Name != w.Name || g.Objective != w.Objective || g.Window != w.Window || g.Good != w.Good || g.Total != w.Total || g.Service != "shop" {
					t.Errorf("got %+v, want %+v", g, w)
				}
			}
		})
	}
}

// Each is refused in one line, which says why.
func TestRefusedDocuments(t *testing.T) {
	plain := doc("a", ratioOf(isCounter, "good", good200, total), rolling, three9s)
	for name, tt := range map[string]struct{ text, want string }{
		"a calendar window":                {strings.Replace(plain, rolling, "{duration: 1M, isRolling: true, calendar: {startTime: 2026-01-01 00:00:00, timeZone: America/New_York}}", 1), "spec.timeWindow[0].calendar: is not supported: PromQL knows no time zone but UTC"},
		"ratios of time slices":            {strings.Replace(plain, "Occurrences", "RatioTimeslices", 1), `spec.budgetingMethod: "RatioTimeslices" is not supported`},
		"an SLI that is nowhere":           {doc("a", "  indicatorRef: ordres", rolling, three9s) + sli + dataSource, `spec.indicatorRef: no SLI "ordres" is in the files that are read; did you mean orders?`},
		"a DataSource that is nowhere":     {doc("a", "  indicatorRef: orders", rolling, three9s) + strings.ReplaceAll(sli, "good: {metricSource: {metricSourceRef: prom", "good: {metricSource: {type: Prometheus"), `metricSourceRef: no DataSource "prom" is in the files`},
		"a DataSource of another type":     {doc("a", "  indicatorRef: orders", rolling, three9s) + strings.ReplaceAll(sli, "good: {metricSource: {metricSourceRef: prom", "good: {metricSource: {type: Prometheus") + strings.Replace(dataSource, "type: Prometheus", "type: Datadog", 1), `is of type "Datadog", which is not supported`},
		"another source":                   {strings.Replace(plain, "total: {metricSource: {type: Prometheus", "total: {metricSource: {type: Dynatrace", 1), `type: "Dynatrace" is not supported; write Prometheus`},
		"a service that nobody describes":  {strings.Replace(service, "name: shop", "name: shops", 1) + plain, `spec.service: no document describes the service "shop"; did you mean shops?`},
		"a composite":                      {strings.Replace(plain, "{target: 0.999}", "{target: 0.999, compositeWeight: 1}", 1), "compositeWeight: is not supported: composite objectives are several SLOs"},
		"a ratio of two rates":             {doc("a", ratioOf(isCounter, "good", `rate(a[5m]) / rate(b[5m])`, total), rolling, three9s), "good.metricSource.spec.query: must be the bare selector"},
		"a histogram's quantile":           {doc("a", ratioOf(isCounter, "good", `histogram_quantile(0.9, rate(latency_bucket[5m]))`, total), rolling, three9s), "; write latency_bucket"},
		"good and bad":                     {strings.Replace(plain, "total:", "bad: "+source(`orders_total{code="500"}`)+", total:", 1), "ratioMetric.bad: cannot be given together with good"},
		"bad events of another metric":     {doc("a", ratioOf(isCounter, "bad", "errors_total", total), rolling, three9s), "must have all labels of total and one more"},
		"no good events":                   {doc("a", "  indicator: {metadata: {name: i}, spec: {ratioMetric: {counter: true, total: "+source(total)+"}}}", rolling, three9s), "ratioMetric.good: is missing"},
		"a target that leaves no budget":   {strings.Replace(plain, "0.999", "1.0", 1), "target: 1 is out of range"},
		"v1alpha":                          {strings.Replace(plain, "openslo/v1", "openslo/v1alpha", 1), `apiVersion: "openslo/v1alpha" is not supported`},
		"a window of an hour":              {strings.Replace(plain, "30d", "1h", 1), `duration: "1h" is out of range`},
		"two windows":                      {strings.Replace(plain, rolling, rolling+", "+rolling, 1), "spec.timeWindow: must be a list of exactly one entry"},
		"two SLIs of one name":             {sli + sli + dataSource, `metadata.name: the SLI "orders" is already at f.yaml:1`},
		"an indicator in two ways":         {strings.Replace(plain, "  service: shop\n", "  service: shop\n  indicatorRef: orders\n", 1) + sli + dataSource, "spec.indicatorRef: cannot be given together with an indicator"},
		"no indicator":                     {strings.Replace(plain, ratioOf(isCounter, "good", good200, total)+"\n", "", 1), "spec.indicator: is missing"},
		"a counter that is said to be not": {strings.Replace(plain, "counter: true", "counter: false", 1), "ratioMetric.counter: false is not supported"},
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

func TestReferencesReachOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a-slo.yaml": doc("a", "  indicatorRef: orders", rolling, three9s), "b/sli.yaml": sli, "c/source.yaml": dataSource,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := set.Get("a"); !ok || s.Good != good200 || !strings.HasSuffix(s.File, "a-slo.yaml") {
		t.Errorf("got %+v", s)
	}
}
