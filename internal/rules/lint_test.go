package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/internal/document"
)

func TestThisRepositoryIsClean(t *testing.T) {
	problems, err := Lint("../..", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

const shopSLO = `apiVersion: openslo/v1
kind: SLO
metadata: {name: shop}
spec:
  service: shop
  indicator: {spec: {ratioMetric: {counter: true,
    good: {metricSource: {type: Prometheus, spec: {query: 'orders_total{code="200"}'}}},
    total: {metricSource: {type: Prometheus, spec: {query: orders_total}}}}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
`

// measuring is shopSLO of a query.
func measuring(query string) string {
	return `apiVersion: openslo/v1
kind: SLO
metadata: {name: shop}
spec:
  service: shop
  indicator: {spec: {thresholdMetric: {metricSource: {type: Prometheus, spec: {query: '` + query + `'}}}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999, op: lte, value: 0.25}]
`
}

const shopAlert = `groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: up{job="shop"} == 0
        for: 2m
        labels: {severity: page}
        annotations: {summary: Down., description: It is down.}
`

const shopExposition = `# TYPE orders_total counter
orders_total{code="200"} 1
orders_total{code="500"} 1
# TYPE orders_waiting gauge
orders_waiting 1
# TYPE order_seconds histogram
order_seconds_bucket{le="0.25"} 1
order_seconds_bucket{le="1"} 1
order_seconds_bucket{le="+Inf"} 1
order_seconds_sum 0.2
order_seconds_count 1
`

func TestLintFinds(t *testing.T) {
	type checkout struct{ slo, alert, exposition string }
	for _, tt := range []struct {
		name   string
		change func(*checkout)
		after  func(t *testing.T, root string) // once all is generated
		want   []string                        // one part for each finding, in order
	}{
		{name: "nothing in a clean checkout"},
		{
			name:   "nothing in a low objective, whose tiers are lowered",
			change: func(c *checkout) { c.slo = strings.Replace(c.slo, "0.999", "0.6", 1) },
		},
		{
			name:   "a document that does not decode, and then nothing else",
			change: func(c *checkout) { c.slo = strings.Replace(c.slo, "kind: SLO", "kind: Budget", 1) },
			want:   []string{"shop.yaml:2: kind"},
		},
		{
			name:   "an SLO over a metric that nobody exports",
			change: func(c *checkout) { c.slo = strings.ReplaceAll(c.slo, "orders_total", "oders_total") },
			want:   []string{`good events: no exposition in docs/metrics has a metric "oders_total"`, `total events: no exposition`},
		},
		{
			name:   "an SLO over a gauge",
			change: func(c *checkout) { c.exposition = strings.Replace(c.exposition, "counter", "gauge", 1) },
			want:   []string{"good events: orders_total is a gauge", "total events: orders_total is a gauge"},
		},
		{
			name: "a Prometheus that keeps less than a tier looks back",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "platform", "helm", "observability", "values.yaml"), "prometheus: {retention: 24h, scrapeInterval: 15s}\n")
			},
			want: []string{"values.yaml: prometheus.retention: 1d is shorter than the 3d that tier ticket-slow of the SLO shop looks back"},
		},
		{
			name: "an environment that keeps less, and scrapes too seldom",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "platform", "helm", "observability", "values.yaml"), "prometheus: {retention: 30d, scrapeInterval: 15s}\n")
				write(t, filepath.Join(root, "platform", "argocd", "environments", "dev", "observability.yaml"),
					"spec: {source: {helm: {valuesObject: {prometheus: {retention: 2d, scrapeInterval: 2m}}}}}\n")
			},
			want: []string{"dev/observability.yaml: prometheus.retention: 2d is shorter", "the window of 5m of tier page-fast holds fewer than 4 scrapes at an interval of 2m"},
		},
		{
			name: "an inhibition that takes the groups of an SLO for one, and one that does not",
			change: func(c *checkout) {
				c.slo = strings.Replace(c.slo, "{name: shop}", "{name: shop, annotations: {ballast.dev/group-by: route}}", 1)
			},
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "alerts", "alertmanager", "alertmanager.yaml"),
					"inhibit_rules: [{equal: [slo, service]}, {equal: [slo, service, route]}, {equal: [pod]}]\n")
			},
			want: []string{"alertmanager.yaml: inhibit_rules[0].equal: lacks the label route, by which the SLO shop is grouped"},
		},
		{
			name: "a severity that no route takes",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "alerts", "alertmanager", "alertmanager.yaml"),
					"route: {receiver: none, routes: [{receiver: pages, matchers: ['severity=\"page\"']}]}\nreceivers: [{name: none}, {name: pages}]\n")
			},
			want: []string{"ShopNoData: no route of", "ShopBudgetBurn: no route of", "ShopBudgetExhausted: no route of"},
		},
		{
			name: "a route whose matcher nobody can read",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "alerts", "alertmanager", "alertmanager.yaml"),
					"route: {receiver: none, routes: [{receiver: pages, matchers: ['severity']}]}\nreceivers: [{name: none}, {name: pages}]\n")
			},
			want: []string{"alertmanager.yaml: route: matcher severity:"},
		},
		{
			name:   "an SLO over a label value that nobody exports",
			change: func(c *checkout) { c.slo = strings.ReplaceAll(c.slo, `"200"`, `"2000"`) },
			want:   []string{"good events: no series of orders_total in docs/metrics matches"},
		},
		{
			name:   "nothing in a gauge that is measured",
			change: func(c *checkout) { c.slo = measuring("max(orders_waiting)") },
		},
		{
			name:   "a gauge that nobody exports",
			change: func(c *checkout) { c.slo = measuring("max(orders_wating)") },
			want:   []string{`what is measured: no exposition in docs/metrics has a metric "orders_wating"`},
		},
		{
			name: "a counter that is measured",
			change: func(c *checkout) {
				c.slo, c.exposition = measuring("orders"), c.exposition+"# TYPE orders counter\norders 1\n"
			},
			want: []string{"what is measured: orders is a counter in docs/metrics"},
		},
		{
			name:   "nothing in a bound that a bucket has",
			change: func(c *checkout) { c.slo = measuring("order_seconds_bucket") },
		},
		{
			name: "nothing in a whole bound",
			change: func(c *checkout) {
				c.slo = strings.Replace(measuring("order_seconds_bucket"), "0.25", "1", 1)
			},
		},
		{
			name: "a bound that no bucket has",
			change: func(c *checkout) {
				c.slo = strings.Replace(measuring("order_seconds_bucket"), "0.25", "0.3", 1)
			},
			want: []string{"good events: no series of order_seconds_bucket in docs/metrics matches the selector"},
		},
		{
			name: "a quantile that no bucket lets exceed its threshold",
			change: func(c *checkout) {
				c.slo = strings.Replace(measuring("histogram_quantile(0.9, rate(order_seconds_bucket[5m]))"), "0.25", "1", 1)
			},
			want: []string{"a quantile of order_seconds_bucket is never more than 1, the highest bound"},
		},
		{
			name: "nothing in a quantile that can be below its threshold and above it",
			change: func(c *checkout) {
				c.slo = strings.Replace(measuring("histogram_quantile(0.9, rate(order_seconds_bucket[5m]))"), "op: lte, value: 0.25", "op: lt, value: 1", 1)
			},
		},
		{
			name: "time slices with too few scrapes",
			change: func(c *checkout) {
				c.slo = strings.Replace(strings.Replace(c.slo, "Occurrences", "Timeslices", 1), "{target: 0.999}", "{target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 1m}", 1)
			},
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "platform", "helm", "observability", "values.yaml"), "prometheus: {retention: 30d, scrapeInterval: 30s}\n")
			},
			want: []string{"a time slice of 1m holds fewer than 4 scrapes at an interval of 30s"},
		},
		{
			name: "time slices so long that one of them is more than a threshold",
			change: func(c *checkout) {
				c.slo = strings.Replace(strings.Replace(c.slo, "Occurrences", "Timeslices", 1), "{target: 0.999}", "{target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 5m}", 1)
			},
			want: []string{"shop.yaml:1: spec.objectives: 1 bad slice, without which no tier fires, is more than the threshold of page-fast (8.33% of the 12 in 1h, against 1.44%) and of page-slow"},
		},
		{
			name:   "a gauge that is scraped once in a slice, and one that is not",
			change: func(c *checkout) { c.slo = measuring("max(orders_waiting)") },
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "platform", "helm", "observability", "values.yaml"), "prometheus: {retention: 30d, scrapeInterval: 1m}\n")
				write(t, filepath.Join(root, "platform", "argocd", "environments", "dev", "observability.yaml"),
					"spec: {source: {helm: {valuesObject: {prometheus: {scrapeInterval: 75s}}}}}\n")
			},
			want: []string{"a time slice of 1m is shorter than the interval of a scrape, 1m15s"},
		},
		{
			name: "an alert policy that looks back further than samples are kept",
			change: func(c *checkout) {
				c.slo = strings.Replace(c.slo, "  service: shop\n", "  service: shop\n  alertPolicies: [{kind: AlertPolicy, metadata: {name: mine}, spec: {alertWhenBreaching: true, conditions: [{kind: AlertCondition, metadata: {name: c}, spec: {severity: ticket, condition: {threshold: 2, lookbackWindow: 10d}}}]}}]\n", 1)
			},
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "platform", "helm", "observability", "values.yaml"), "prometheus: {retention: 9d, scrapeInterval: 15s}\n")
			},
			want: []string{"9d is shorter than the 10d that tier mine of the SLO shop looks back"},
		},
		{
			name:   "nothing about metrics while there are no expositions",
			change: func(c *checkout) { c.exposition = ""; c.slo = strings.ReplaceAll(c.slo, "orders_total", "oders_total") },
		},
		{
			name: "an alert over a metric that nobody exports",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, `up{job="shop"} == 0`, `absent(gone{job="shop"})`, 1)
			},
			want: []string{`rule ShopDown: no exposition in docs/metrics has a metric "gone"`},
		},
		{
			name: "an alert over a recorded metric is fine",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, `up{job="shop"} == 0`, `ballast_slo:burn_rate:ratio > 100`, 1)
			},
		},
		{
			name:   "an alert that one missed scrape fires",
			change: func(c *checkout) { c.alert = strings.Replace(c.alert, "for: 2m", "for: 30s", 1) },
			want:   []string{"group shop: ShopDown waits for 30s", "rule ShopDown: for is 30s"},
		},
		{
			name:   "a severity that routes nowhere",
			change: func(c *checkout) { c.alert = strings.Replace(c.alert, "severity: page", "severity: critical", 1) },
			want:   []string{`severity is "critical"`},
		},
		{
			name: "an alert that nobody gets",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, "severity: page", "severity: none", 1)
			},
			want: []string{`severity is "none"; make it page or ticket`},
		},
		{
			name: "nothing in a watchdog",
			change: func(c *checkout) {
				c.alert = strings.NewReplacer("ShopDown", "Watchdog", `up{job="shop"} == 0`, "vector(1)", "for: 2m", "for: 0s", "severity: page", "severity: none").Replace(c.alert)
			},
			after: runbookOf("Watchdog"),
		},
		{
			name: "a watchdog that pages all the time",
			change: func(c *checkout) {
				c.alert = strings.NewReplacer("ShopDown", "Watchdog", `up{job="shop"} == 0`, "vector(1)").Replace(c.alert)
			},
			after: runbookOf("Watchdog"),
			want:  []string{`severity is "page", and it always fires; make it none`},
		},
		{
			name:   "an alert without words",
			change: func(c *checkout) { c.alert = strings.Replace(c.alert, "summary: Down., ", "", 1) },
			want:   []string{"annotation summary is missing"},
		},
		{
			name: "nothing in a runbook that is kept elsewhere",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, "{summary", "{runbook_url: 'https://example.org/x.md', summary", 1)
			},
		},
		{
			name: "a runbook at no address",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, "{summary", "{runbook_url: 'runbooks/x.md', summary", 1)
			},
			want: []string{`runbook_url "runbooks/x.md" is not a web address`},
		},
		{
			name: "a runbook that says nothing",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "docs", "runbooks", "ShopDown.md"), "# ShopDown\n\n## Look\n")
			},
			want: []string{"docs/runbooks/ShopDown.md says nothing"},
		},
		{
			name: "an alert that is another one when its cause changes",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, `up{job="shop"} == 0`, `sum(up{job="shop"}) == 0 or absent(up{job="shop"})`, 1)
			},
			want: []string{"rule ShopDown: its labels are {} on one side of an `or` and {job} on the other"},
		},
		{
			name: "an alert that waits for longer than what it counts is seen",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, `up{job="shop"} == 0`, `changes(process_start_time_seconds{job="shop"}[2m]) > 0`, 1)
			},
			want: []string{"rule ShopDown: for is 2m and changes sees what happened for 2m: what happens once never fires"},
		},
		{
			name: "nothing in an alert that waits for less than that, or on a rate",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, `up{job="shop"} == 0`, `changes(process_start_time_seconds{job="shop"}[3m]) > 0 and rate(orders_total[1m]) > 0`, 1)
			},
		},
		{
			name: "what Azure Monitor does not know",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, "    rules:\n", "    interval: 30m\n    limit: 1\n    query_offset: 1m\n    rules:\n", 1)
				c.alert = strings.Replace(c.alert, "for: 2m", "for: 2m\n        keep_firing_for: 5m", 1)
			},
			want: []string{
				"group shop: is evaluated every 30m, and Azure Monitor takes 1m to 15m", "group shop: has a limit", "group shop: has a query_offset",
				"group shop: ShopDown has keep_firing_for",
			},
		},
		{
			name: "an alert that waits for less than Azure Monitor can",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, `up{job="shop"} == 0`, `changes(process_start_time_seconds{job="shop"}[2m]) > 0`, 1)
				c.alert = strings.Replace(c.alert, "for: 2m", "for: 30s", 1)
			},
			want: []string{"group shop: ShopDown waits for 30s, and Azure Monitor for 1m at least; write for: 1m"},
		},
		{
			name: "a group with more rules than Azure Monitor takes, of which the heartbeat is one",
			change: func(c *checkout) {
				rule := "      - {record: 'shop:up:sum', expr: 'sum(up{job=\"shop\"})'}\n"
				c.alert += strings.Repeat(rule, 19)
			},
			want: []string{"group shop: has 21 rules with its heartbeat, and Azure Monitor takes 20 in a group; split it"},
		},
		{
			name: "a rule of an SLO that is gone",
			change: func(c *checkout) {
				c.alert = strings.Replace(c.alert, "{severity: page}", "{severity: page, slo: cart}", 1)
			},
			want: []string{`rule ShopDown: is of the SLO "cart", which does not exist`},
		},
		{
			name: "a generated file whose source is gone",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "alerts", "rules", "prometheus", "slo-old.yaml"), header+"groups: []\n")
			},
			want: []string{"slo-old.yaml: its source is gone"},
		},
		{
			name: "generated tests whose source is gone, and none that people wrote",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "alerts", "tests", "slo-old.yaml"), header+"tests: []\n")
				write(t, filepath.Join(root, "alerts", "tests", "resource-shop.yaml"), "tests: []\n")
			},
			want: []string{"tests/slo-old.yaml: its source is gone"},
		},
		{
			name: "generated tests that are missing",
			after: func(t *testing.T, root string) {
				remove(t, filepath.Join(root, "alerts", "tests", "slo-shop.yaml"))
			},
			want: []string{"tests/slo-shop.yaml: is missing"},
		},
		{
			name: "an SLO that no tests can be made of",
			change: func(c *checkout) {
				c.slo = strings.Replace(c.slo, "{name: shop}", "{name: shop, annotations: {ballast.dev/group-by: code}}", 1)
			},
			want: []string{`shop.yaml:1: spec.indicator: no series can be thought of for its rule tests`},
		},
		{
			name:  "a runbook that is missing",
			after: func(t *testing.T, root string) { remove(t, filepath.Join(root, "docs", "runbooks", "ShopDown.md")) },
			want:  []string{"docs/runbooks/ShopDown.md is missing"},
		},
		{
			name: "a runbook that no alert leads to",
			after: func(t *testing.T, root string) {
				write(t, filepath.Join(root, "docs", "runbooks", "Old.md"), "# Old\n")
			},
			want: []string{"Old.md: no alert has this name"},
		},
		{
			name: "a generated file that was edited",
			after: func(t *testing.T, root string) {
				file := filepath.Join(root, "alerts", "rules", "prometheus", "slo-shop.yaml")
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write(t, file, string(content)+"# edited\n")
			},
			want: []string{"slo-shop.yaml: differs from its source"},
		},
		{
			name: "a generated file that is missing",
			after: func(t *testing.T, root string) {
				remove(t, filepath.Join(root, "alerts", "rules", "prometheus", "resource-shop.yaml"))
			},
			want: []string{"resource-shop.yaml: is missing", "ShopDown.md: no alert has this name"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			c := checkout{shopSLO, shopAlert, shopExposition}
			if tt.change != nil {
				tt.change(&c)
			}
			write(t, filepath.Join(root, "alerts", "slo", "shop.yaml"), c.slo)
			write(t, filepath.Join(root, "alerts", "resource", "shop.yaml"), c.alert)
			if c.exposition != "" {
				write(t, filepath.Join(root, "docs", "metrics", "shop.prom"), c.exposition)
			}
			runbooks := []string{"ShopDown", "ShopBudgetBurn", "ShopNoData", "ShopBudgetExhausted"}
			if strings.Contains(c.slo, "'order_seconds_bucket'") {
				runbooks = append(runbooks, "ShopGoodExceedsTotal") // elsewhere good events are some of all
			}
			for _, alert := range runbooks {
				write(t, filepath.Join(root, "docs", "runbooks", alert+".md"), "# "+alert+"\n\nLook.\n")
			}
			if _, err := Generate(filepath.Join(root, "alerts"), Options{}); err != nil && !strings.Contains(tt.name, "decode") {
				t.Fatal(err)
			}
			if tt.after != nil {
				tt.after(t, root)
			}
			problems, err := Lint(root, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) != len(tt.want) {
				t.Fatalf("%d findings, want %d:\n%s", len(problems), len(tt.want), problems)
			}
			for i, p := range problems {
				if !strings.Contains(p.String(), tt.want[i]) {
					t.Errorf("finding %d is %s, want %q in it", i, p, tt.want[i])
				}
			}
		})
	}
}

func TestAnExpositionThatIsNoneIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, notScraped), "node_load1 1\n")
	if known, err := readExpositions(dir); err != nil || len(known.series) != 0 {
		t.Errorf("what nothing scrapes is read: %v, %v", known, err)
	}
	write(t, filepath.Join(dir, "bad.prom"), "a{b=} 1\n")
	if _, err := readExpositions(dir); err == nil || !strings.Contains(err.Error(), "bad.prom") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	known, err := readExpositions(filepath.Join(dir, "gone"))
	if err != nil {
		t.Fatal(err)
	}
	if len(known.series) != 0 {
		t.Errorf("a missing directory has %v", known.series)
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runbookOf gives an alert the runbook of ShopDown.
func runbookOf(alert string) func(t *testing.T, root string) {
	return func(t *testing.T, root string) {
		t.Helper()
		books := filepath.Join(root, "docs", "runbooks")
		if err := os.Rename(filepath.Join(books, "ShopDown.md"), filepath.Join(books, alert+".md")); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func TestLintNotesABudgetThatPrometheusCannotKnow(t *testing.T) {
	var notes []string
	problems, err := Lint("../..", Options{Note: func(p document.Problem) { notes = append(notes, p.String()) }})
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	if len(notes) == 0 || !strings.Contains(notes[0], "keeps 3d of the 30d of the SLO monitor-availability") {
		t.Errorf("noted %q", notes)
	}
}
