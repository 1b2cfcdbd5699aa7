package slo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/document"
)

const valid = `apiVersion: openslo/v1
kind: SLO
metadata:
  name: shop-availability
  displayName: Shop availability
  labels: {team: shop}
  annotations: {owner: jane}
spec:
  description: Orders succeed.
  service: shop
  indicator:
    metadata: {name: successful-orders}
    spec:
      ratioMetric:
        counter: true
        good:
          metricSource:
            type: Prometheus
            spec: {query: 'orders_total{code="200", }'}
        total:
          metricSource:
            type: Prometheus
            spec: {query: orders_total}
  timeWindow:
    - {duration: 4w, isRolling: true}
  budgetingMethod: Occurrences
  objectives:
    - {displayName: three nines, target: 0.999}
`

func TestDecodeReadsAWholeDocument(t *testing.T) {
	got, err := Decode("shop.yaml", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	want := []SLO{{
		Name: "shop-availability", DisplayName: "Shop availability", Description: "Orders succeed.", Service: "shop",
		File: "shop.yaml", Line: 1,
		Objective: 0.999, Window: 28 * 24 * time.Hour,
		Good: `orders_total{code="200"}`, Total: "orders_total",
		Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"owner": "jane"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestDecodeReadsWhatADocumentCarriesAndChooses(t *testing.T) {
	text := strings.Replace(valid, "name: shop-availability", "name: 2xx-orders", 1)
	text = strings.Replace(text, "{team: shop}", "{team: [b, a], app.kubernetes.io/name: shop}", 1)
	text = strings.Replace(text, "{owner: jane}",
		"{ballast.dev/group-by: 'route, cluster', ballast.dev/no-data: page, ballast.dev/min-bad-events: '1', ballast.dev/runbook-url: 'https://example.org/x'}", 1)
	got, err := Decode("shop.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := got[0]
	if s.Name != "2xx-orders" || s.NoData != NoDataPage || s.LeastBad() != 1 || s.RunbookURL != "https://example.org/x" {
		t.Errorf("got %+v", s)
	}
	if diff := cmp.Diff([]string{"cluster", "route"}, s.GroupBy); diff != "" {
		t.Errorf("grouped differently (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "a,b", "app.kubernetes.io/name": "shop"}, s.Labels); diff != "" {
		t.Errorf("labels differ (-want +got):\n%s", diff)
	}
}

func TestDecodeOfFilesThatAreNotOneUnixDocument(t *testing.T) {
	second := strings.ReplaceAll(valid, "shop-availability", "shop-quality")
	for name, tt := range map[string]struct {
		content string
		names   []string
	}{
		"an empty file":                      {"", nil},
		"comments alone":                     {"# nothing yet\n", nil},
		"Windows line ends":                  {strings.ReplaceAll(valid, "\n", "\r\n"), []string{"shop-availability"}},
		"two documents and an empty third":   {valid + "---\n" + second + "---\n", []string{"shop-availability", "shop-quality"}},
		"a byte order mark":                  {"\ufeff" + valid, []string{"shop-availability"}},
		"a field that is explicitly nothing": {strings.Replace(valid, "  displayName: Shop availability", "  displayName:", 1), []string{"shop-availability"}},
	} {
		t.Run(name, func(t *testing.T) {
			slos, err := Decode("f.yaml", []byte(tt.content))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range slos {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(tt.names, names); diff != "" {
				t.Errorf("names differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // replaced in the valid document
		line     int
		field    string
		message  string // part of it
	}{
		{"an unknown field at the top", "kind: SLO\n", "kind: SLO\nstatus: {}\n", 3, "status", "unknown field"},
		{"an unknown field deep down", "{displayName: three nines, target", "{name: x, target", 28, "spec.objectives[0].name", "unknown field"},
		{"a field given twice", "kind: SLO\n", "kind: SLO\nkind: SLO\n", 3, "kind", "given twice, first in line 2"},
		{"another version", "openslo/v1", "openslo/v1alpha", 1, "apiVersion", "write openslo/v1"},
		{"another kind", "kind: SLO", "kind: Budget", 2, "kind", "AlertCondition and AlertNotificationTarget documents are read"},
		{"an SLO that calls itself an alert policy", "kind: SLO", "kind: AlertPolicy", 10, "spec.service", "unknown field"},
		{"a document without kind", "kind: SLO\n", "", 1, "kind", "is missing"},
		{"a name that is not a label", "shop-availability", "Shop_Availability", 4, "metadata.name", "not a DNS label"},
		{"a name that is a number", "name: shop-availability", "name: 12", 4, "metadata.name", `want text, got the number 12; quote it: "12"`},
		{"no name", "  name: shop-availability\n", "", 3, "metadata.name", "is missing"},
		{"a label that is a list of numbers", "{team: shop}", "{team: [a, 7]}", 6, "metadata.labels.team", `want text, got 7; quote it: "7"`},
		{"a label that is an empty list", "{team: shop}", "{team: []}", 6, "metadata.labels.team", "empty list"},
		{"a label that is a mapping", "{team: shop}", "{team: {a: b}}", 6, "metadata.labels.team", "want text or a list of texts"},
		{"a label that the rules set", "{team: shop}", "{severity: page}", 6, "metadata.labels.severity", "use another name"},
		{"a label of Prometheus", "{team: shop}", "{__name__: x}", 6, "metadata.labels.__name__", "use another name"},
		{"an unknown annotation of ours", "{owner: jane}", "{ballast.dev/nodata: page}", 7, "metadata.annotations.ballast.dev/nodata", "did you mean ballast.dev/no-data"},
		{"a policy for missing data that there is not", "{owner: jane}", "{ballast.dev/no-data: warn}", 7, "metadata.annotations.ballast.dev/no-data", "ticket, page or none"},
		{"a guard that is not a number", "{owner: jane}", "{ballast.dev/min-bad-events: few}", 7, "metadata.annotations.ballast.dev/min-bad-events", "whole number from 1"},
		{"a guard of none", "{owner: jane}", "{ballast.dev/min-bad-events: '0'}", 7, "metadata.annotations.ballast.dev/min-bad-events", "whole number from 1"},
		{"a runbook without a host", "{owner: jane}", "{ballast.dev/runbook-url: docs/x.md}", 7, "metadata.annotations.ballast.dev/runbook-url", "begins with https://"},
		{"grouping by what is not a label", "{owner: jane}", "{ballast.dev/group-by: 'a b'}", 7, "metadata.annotations.ballast.dev/group-by", "names separated by commas"},
		{"grouping by a label of the rules", "{owner: jane}", "{ballast.dev/group-by: service}", 7, "metadata.annotations.ballast.dev/group-by", "group by another one"},
		{"grouping by one label twice", "{owner: jane}", "{ballast.dev/group-by: 'a,a'}", 7, "metadata.annotations.ballast.dev/group-by", "given twice"},
		{"grouping by a label of its own", "{owner: jane}", "{ballast.dev/group-by: team}", 6, "metadata.labels.team", "grouped by"},
		{"a target without any budget to speak of", "0.999}", "0.9999999999999}", 28, "spec.objectives[0].target", "out of range"},
		{"a document that is a list", valid, "- a\n", 1, "", "the document is a list; it must be a mapping"},
		{"metadata that is a string", "  labels: {team: shop}", "  labels: team", 6, "metadata.labels", `want a mapping, got the text "team"`},
		{"no service", "  service: shop\n", "", 8, "spec.service", "is missing"},
		{"a calendar window", "isRolling: true}", "isRolling: true, calendar: {timeZone: UTC}}", 25, "spec.timeWindow[0].calendar", "use a rolling window"},
		{"a window that does not roll", "isRolling: true", "isRolling: false", 25, "spec.timeWindow[0].isRolling", "only rolling"},
		{"a window that does not say that it rolls", ", isRolling: true", "", 25, "spec.timeWindow[0].isRolling", "only rolling"},
		{"a window in years that is too long", "4w", "2Y", 25, "spec.timeWindow[0].duration", "out of range"},
		{"a window in an unknown unit", "4w", "1B", 25, "spec.timeWindow[0].duration", "not a duration"},
		{"a window without unit", "duration: 4w", `duration: "5"`, 25, "spec.timeWindow[0].duration", "not a duration"},
		{"a window shorter than a day", "4w", "23h", 25, "spec.timeWindow[0].duration", "out of range"},
		{"a window of centuries", "4w", "200y", 25, "spec.timeWindow[0].duration", "out of range"},
		{"two windows", "    - {duration: 4w, isRolling: true}\n", "    - {duration: 4w, isRolling: true}\n    - {duration: 5w, isRolling: true}\n", 24, "spec.timeWindow", "exactly one entry"},
		{"time slices without a target", "Occurrences", "Timeslices", 28, "spec.objectives[0].timeSliceTarget", "is missing"},
		{"time slices without a length", "Occurrences", "Timeslices", 28, "spec.objectives[0].timeSliceWindow", "is missing"},
		{"an unknown budgeting method", "Occurrences", "Moments", 26, "spec.budgetingMethod", "write Occurrences or Timeslices"},
		{"a target of one", "0.999}", "1}", 28, "spec.objectives[0].target", "out of range"},
		{"a target of zero", "0.999}", "0.0}", 28, "spec.objectives[0].target", "out of range"},
		{"a target that is not a number", "0.999}", ".nan}", 28, "spec.objectives[0].target", "want a finite number, got the number .nan"},
		{"a target in quotes", "0.999}", "'0.999'}", 28, "spec.objectives[0].target", "delete the quotes"},
		{"a target of a hundred percent", "target: 0.999}", "targetPercent: 100}", 28, "spec.objectives[0].targetPercent", "out of range"},
		{"a target given twice", "target: 0.999}", "target: 0.999, targetPercent: 99.9}", 28, "spec.objectives[0].targetPercent", "remove one of them"},
		{"no target", ", target: 0.999}", "}", 28, "spec.objectives[0].target", "is missing"},
		{"two objectives of one name", "    - {displayName: three nines, target: 0.999}\n", "    - {displayName: A b, target: 0.99}\n    - {displayName: a-b, target: 0.9}\n", 29, "spec.objectives[1].displayName", "which objectives[0] makes too"},
		{"no objectives", "    - {displayName: three nines, target: 0.999}\n", "    []\n", 27, "spec.objectives", "is missing"},
		{"a composite", "three nines, target: 0.999}", "x, target: 0.999, compositeWeight: 2}", 28, "spec.objectives[0].compositeWeight", "several SLOs"},
		{"a ratio for a threshold", "ratioMetric:", "thresholdMetric:", 15, "spec.indicator.spec.thresholdMetric.counter", "unknown field"},
		{"an indicator kept elsewhere", "  service: shop\n", "  service: shop\n  indicatorRef: x\n", 11, "spec.indicatorRef", "remove one of them"},
		{"an alert policy that is nowhere", "  service: shop\n", "  service: shop\n  alertPolicies: [{alertPolicyRef: x}]\n", 11, "spec.alertPolicies[0].alertPolicyRef", "no AlertPolicy"},
		{"gauges", "counter: true", "counter: false", 15, "spec.indicator.spec.ratioMetric.counter", "only counters"},
		{"no word on counters", "        counter: true\n", "", 14, "spec.indicator.spec.ratioMetric.counter", "only counters"},
		{"bad events that are not of all", "        good:\n          metricSource:\n            type: Prometheus\n            spec: {query: 'orders_total{code=\"200\", }'}", "        bad:\n          metricSource:\n            type: Prometheus\n            spec: {query: 'errors_total'}", 19, "spec.indicator.spec.ratioMetric.bad.metricSource.spec.query", "one more"},
		{"another data source", "type: Prometheus\n            spec: {query: orders_total}", "type: Datadog\n            spec: {query: orders_total}", 22, "spec.indicator.spec.ratioMetric.total.metricSource.type", "write Prometheus"},
		{"a query that is not PromQL", "query: orders_total}", "query: 'orders_total{'}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "not PromQL"},
		{"a query with a range", "query: orders_total}", "query: 'orders_total[5m]'}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "bare selector"},
		{"a query with a quantile", "query: orders_total}", "query: 'max(rate(orders_total[5m]))'}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "; write orders_total"},
		{"a query with groups", "query: orders_total}", "query: 'sum by (route) (rate(orders_total[5m]))'}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "ballast.dev/group-by"},
		{"a query with an offset", "query: orders_total}", "query: orders_total offset 5m}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "without offset"},
		{"a query pinned to a time", "query: orders_total}", "query: 'orders_total @ 0'}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "without offset"},
		{"a query of metrics by pattern", "query: orders_total}", `query: '{__name__=~"orders.*"}'}`, 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "one metric"},
		{"good events that are all events", `'orders_total{code="200", }'`, "orders_total", 19, "spec.indicator.spec.ratioMetric.good.metricSource.spec.query", "nothing could ever be bad"},
		{"an alias", "labels: {team: shop}\n  annotations: {owner: jane}", "labels: &l {team: shop}\n  annotations: *l", 7, "", "write the value out"},
		{"a label that is a number", "{team: shop}", "{team: 7}", 6, "metadata.labels.team", `quote it: "7"`},
		{"a target that is text", "0.999}", "most}", 28, "spec.objectives[0].target", `want a finite number, got the text "most"`},
		{"a mapping for the one window", "    - {duration: 4w, isRolling: true}\n", "    {duration: 4w, isRolling: true}\n", 25, "spec.timeWindow", "want a list, got a mapping"},
		{"text for a flag", "counter: true", "counter: 'true'", 15, "spec.indicator.spec.ratioMetric.counter", "delete the quotes"},
		{"a source kept elsewhere", "type: Prometheus\n            spec: {query: orders_total}", "metricSourceRef: x\n            spec: {query: orders_total}", 22, "spec.indicator.spec.ratioMetric.total.metricSource.metricSourceRef", "no DataSource"},
		{"a metric without source", "        total:\n", "        total: {}\n        totl:\n", 20, "spec.indicator.spec.ratioMetric.total.metricSource", "is missing"},
		{"a blank query", "query: orders_total}", "query: ' '}", 23, "spec.indicator.spec.ratioMetric.total.metricSource.spec.query", "is missing"},
		{"no spec", valid[strings.Index(valid, "spec:"):], "", 1, "spec", "is missing"},
		{"broken YAML", "kind: SLO", "kind: [", 2, "", "not valid YAML"},
		{"a tab", "kind: SLO", "\tkind: SLO", 2, "", "a tab indents this line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			content := strings.Replace(valid, tt.old, tt.new, 1)
			if content == valid {
				t.Fatal("the replacement did not change the document")
			}
			_, err := Decode("shop.yaml", []byte(content))
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want Problems", err)
			}
			for _, p := range problems {
				if p.File == "shop.yaml" && p.Field == tt.field && strings.Contains(p.Message, tt.message) {
					if tt.line != p.Line {
						t.Errorf("line %d, want %d: %s", p.Line, tt.line, p)
					}
					return
				}
			}
			t.Errorf("no problem of %q with %q in:\n%s", tt.field, tt.message, problems)
		})
	}
}

func TestGoldenDecodeReportsEveryProblemInOneGo(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "many-problems.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Decode("many-problems.yaml", content)
	if err == nil {
		t.Fatal("no problem at all")
	}
	compare(t, filepath.Join("testdata", "many-problems.golden"), err.Error()+"\n")
}

func TestDecodeDoesNotRepeatItself(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"a mapping of another type has no missing fields": {
			valid[strings.Index(valid, "metadata:"):strings.Index(valid, "spec:")], "metadata: shop\n",
			`f.yaml:3: metadata: want a mapping, got the text "shop"`,
		},
		"a field of another type is not missing too": {
			"  service: shop\n", "  service: [shop]\n",
			`f.yaml:10: spec.service: want text, got a list`,
		},
		"a document of another kind is not held against this one's fields": {
			valid[strings.Index(valid, "kind:"):], "kind: Budget\nmetadata: {name: shop}\nspec: {description: a shop}\n",
			`f.yaml:2: kind: "Budget" is not supported; SLO, SLI, Service, DataSource, AlertPolicy, AlertCondition and AlertNotificationTarget documents are read`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode("f.yaml", []byte(strings.Replace(valid, tt.old, tt.new, 1)))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDecodeOfAYAMLBombEndsAtOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 30; i++ {
		n, prev := string(rune('a'+i%26)), string(rune('a'+(i-1)%26))
		if i == 1 {
			prev = "a0"
		}
		b.WriteString(n + ": &" + n + " [*" + prev + ",*" + prev + ",*" + prev + ",*" + prev + ",*" + prev + "]\n")
	}
	if _, err := Decode("bomb.yaml", []byte(b.String())); err == nil {
		t.Error("a bomb was taken for an SLO")
	}
}

func TestLoadNamesEveryProblemOfEveryFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml":     valid,
		"deep/b.yml": valid,
		"c.yaml":     "kind: [\n",
		"huge.yaml":  "# " + strings.Repeat("x", document.MaxBytes),
		"notes.txt":  "not read",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(dir)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want Problems", err)
	}
	got := strings.Split(strings.ReplaceAll(problems.Error(), dir, "alerts/slo"), "\n")
	want := []string{
		`alerts/slo/c.yaml:1: not valid YAML: did not find expected node content`,
		`alerts/slo/deep/b.yml:1: metadata.name: "shop-availability" is already used at alerts/slo/a.yaml:1; rename one`,
		`alerts/slo/huge.yaml: the file has 1048578 bytes; split it, at most 1048576 are read`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestLoadOfThisRepositorysDocuments(t *testing.T) {
	set, err := Load("../../alerts/slo")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"monitor-availability", "monitor-latency"}, set.Names()); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	s, ok := set.Get("monitor-availability")
	if !ok || s.Objective != 0.999 || s.Window != 30*24*time.Hour || s.File != filepath.FromSlash("../../alerts/slo/monitor-availability.yaml") {
		t.Errorf("got %+v, %v", s, ok)
	}
	if _, ok := set.Get("nobody"); ok {
		t.Error("an SLO that does not exist was found")
	}
}

func TestLoadOfAMissingDirectory(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(valid))
	for _, seed := range []string{slicesOfEvents, gaugeSLO, rawSLO99, latencySLO, policySLO + policyDocs} {
		f.Add([]byte(seed))
	}
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [x]\n: y\n"))
	f.Add([]byte("apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: !!binary YQ==}\nspec: null\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		slos, err := Decode("f.yaml", content)
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("an error that is not Problems: %v", err)
		}
		for _, p := range problems {
			if p.Message == "" || p.File != "f.yaml" {
				t.Errorf("an unhelpful problem: %+v", p)
			}
		}
		for _, s := range slos {
			query := s.Slices != nil && s.Slices.Query != ""
			if s.Name == "" || s.Service == "" || query == (s.Good != "") || query == (s.Total != "") || !query && s.Good == s.Total ||
				s.Slices != nil && (s.Slices.Length < leastSlice || s.Slices.Length > s.Tiers()[0].Short) || len(s.Policies) > mostPolicies ||
				!(s.Objective > 0 && s.Objective < 1) || s.Window < minWindow || s.Window > maxWindow {
				t.Errorf("an incomplete SLO was accepted: %+v", s)
			}
		}
	})
}
