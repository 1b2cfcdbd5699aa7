package rules

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// full is an SLO with all that a document can choose.
func full() slo.SLO {
	return slo.SLO{
		Name: "shop-orders", DisplayName: "Orders {{ of }} the shop", Service: "shop", Objective: 0.999, Window: 30 * 24 * time.Hour,
		Good: `orders_total{job="shop",code="200"}`, Total: `orders_total{job=~"shop"}`,
		Labels:      map[string]string{"team": "a,b", "app.kubernetes.io/name": "{{ x }}"},
		Annotations: map[string]string{"owner": "{{ jane }}", "ballast.dev/no-data": "ticket"},
		GroupBy:     []string{"cluster", "route"}, NoData: slo.NoDataTicket, MinBadEvents: 5, RunbookURL: "https://example.org/shop",
	}
}

func TestRecordedNamesAreThoseOfTheReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(ballast_slo:[a-z_:]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(text), -1) {
		for _, label := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[2], -1) {
			documented[row[1]] = append(documented[row[1]], label[1])
		}
		slices.Sort(documented[row[1]])
		documented[row[1]] = slices.Compact(documented[row[1]])
	}
	plain := full()
	plain.Labels = nil
	recorded := map[string][]string{}
	for _, g := range FromSLO(plain) {
		for _, r := range g.Rules {
			if r.Record == "" {
				continue
			}
			if r.Labels[LabelSLO] != plain.Name || r.Labels[LabelService] != plain.Service {
				t.Errorf("%s has the labels %v, without slo or service", r.Record, r.Labels)
			}
			recorded[r.Record] = slices.DeleteFunc(slices.Sorted(maps.Keys(r.Labels)), func(l string) bool { return l == LabelSLO || l == LabelService })
		}
	}
	for name, labels := range recorded {
		if len(labels) == 0 {
			recorded[name] = nil
		}
	}
	for name := range recorded {
		if _, ok := documented[name]; !ok && len(recorded[name]) == 0 && strings.Contains(string(text), "| `"+name+"` |") {
			documented[name] = nil
		}
	}
	if diff := cmp.Diff(documented, recorded); diff != "" {
		t.Errorf("docs/reference/rules.md and the rules differ (-documented +recorded):\n%s", diff)
	}
	if _, ok := recorded[prom.Heartbeat]; !ok {
		t.Error("there is no heartbeat")
	}
}

// The list is what Sloth's library records, which `make cross-check` looks after.
func TestNoRecordedNameIsOneOfSloths(t *testing.T) {
	text, err := os.ReadFile("../../tools/sloth/testdata/recorded.txt")
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.Fields(string(text))
	if len(theirs) < 10 {
		t.Fatalf("Sloth records %v only", theirs)
	}
	for _, g := range FromSLO(full()) {
		for _, r := range g.Rules {
			if r.Record != "" && slices.Contains(theirs, r.Record) {
				t.Errorf("%s is recorded by Sloth, too: both cannot be in one Prometheus", r.Record)
			}
		}
	}
}

func TestAlertsCarryWhatTheDocumentSays(t *testing.T) {
	names := map[string]bool{}
	for _, g := range FromSLO(full()) {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			names[r.Alert] = true
			if r.Labels["team"] != "a,b" || r.Labels["app_kubernetes_io_name"] != `{{"{{"}} x }}` {
				t.Errorf("%s has the labels %v", r.Alert, r.Labels)
			}
			if a := r.Annotations; a["owner"] != `{{"{{"}} jane }}` || a["runbook_url"] != "https://example.org/shop" || !strings.HasPrefix(a["summary"], `Orders {{"{{"}} of }} the shop`) {
				t.Errorf("%s has the annotations %v", r.Alert, a)
			}
			if slices.ContainsFunc(slices.Collect(maps.Keys(r.Annotations)), func(k string) bool { return strings.HasPrefix(k, "ballast") }) {
				t.Errorf("%s carries an instruction to the generator: %v", r.Alert, r.Annotations)
			}
			if strings.HasSuffix(r.Alert, "BudgetBurn") && !strings.Contains(r.Expr, "> 4.5\n") {
				t.Errorf("%s does not ask for five bad events: %s", r.Alert, r.Expr)
			}
		}
	}
	want := []string{"ShopOrdersBudgetBurn", "ShopOrdersBudgetExhausted", "ShopOrdersGoodExceedsTotal", "ShopOrdersIdle", "ShopOrdersNoData"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(names))); diff != "" {
		t.Errorf("alerts differ (-want +got):\n%s", diff)
	}
}

func TestTheRunbookBaseIsTheCallers(t *testing.T) {
	s := full()
	s.RunbookURL = ""
	for _, g := range From(s, Options{RunbookBase: "https://example.org/books/"}) {
		for _, r := range g.Rules {
			if r.Alert != "" && r.Annotations["runbook_url"] != "https://example.org/books/"+r.Alert+".md" {
				t.Errorf("%s has its runbook at %s", r.Alert, r.Annotations["runbook_url"])
			}
		}
	}
}

func TestWhatCannotBeToldApartIsRefused(t *testing.T) {
	named := func(name string) string { return strings.Replace(shopSLO, "name: shop}", "name: "+name+"}", 1) }
	group := func(group, alert string) string {
		return strings.NewReplacer("name: shop", "name: "+group, "ShopDown", alert).Replace(shopAlert)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // parts of the error; none: it is fine
	}{
		{"two files of one name in two folders are two files", map[string]string{"resource/a/x.yaml": group("a", "ADown"), "resource/b/x.yaml": group("b", "BDown")}, nil},
		{"two files that would be one", map[string]string{"resource/a/x.yaml": group("a", "ADown"), "resource/a-x.yaml": group("b", "BDown")}, []string{"resource-a-x.yaml", "a/x.yaml", "a-x.yaml", "rename one"}},
		{"two SLOs of one alert", map[string]string{"slo/a.yaml": named("shop-api"), "slo/b.yaml": named("shop--api")}, []string{`"shop-api"`, "ShopApiBudgetBurn", "a.yaml", "b.yaml"}},
		{"two SLOs whose alerts differ in case alone", map[string]string{"slo/a.yaml": named("a-b"), "slo/b.yaml": named("ab")}, []string{"BudgetBurn", "rename one"}},
		{"an SLO whose group another one needs", map[string]string{"slo/a.yaml": named("shop"), "slo/b.yaml": named("shop-long")}, []string{"slo-shop-long", "rename one"}},
		{"a resource alert of an SLO's name", map[string]string{"slo/a.yaml": named("shop"), "resource/x.yaml": group("a", "ShopNoData")}, []string{"ShopNoData", "x.yaml", "a.yaml:1"}},
		{"one group in two files", map[string]string{"resource/x.yaml": group("a", "ADown"), "resource/y.yaml": group("a", "BDown")}, []string{`group "a"`, "x.yaml", "y.yaml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range []string{"slo", "resource"} {
				if err := os.MkdirAll(filepath.Join(dir, sub), 0o750); err != nil {
					t.Fatal(err)
				}
			}
			for file, text := range tt.files {
				write(t, filepath.Join(dir, file), text)
			}
			files, err := Files(dir, Options{})
			if len(tt.want) == 0 {
				if err != nil || len(files) != len(tt.files) {
					t.Fatalf("%d files, %v; want one for each of %v", len(files), err, tt.files)
				}
				return
			}
			var problems document.Problems
			if !errors.As(err, &problems) || len(problems) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
		})
	}
}
