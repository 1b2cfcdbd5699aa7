package helm

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// scraped are the jobs of all charts together, with what is kept of each.
func scraped(t *testing.T) map[string][]*relabel.Config {
	t.Helper()
	jobs := map[string][]*relabel.Config{}
	for _, v := range []variant{{"monitor", "monitor-default"}, {"probe", "probe-default"}, {"observability", "observability-default"}, {"chaos", "chaos-everything"}} {
		all := objects(t, v)
		// The job is the label of what is selected, by which it is selected.
		for _, sm := range of[*monitoringv1.ServiceMonitor](all) {
			jobs[sm.Spec.Selector.MatchLabels[sm.Spec.JobLabel]] = relabelings(t, sm.Spec.Endpoints[0].MetricRelabelConfigs)
		}
		for _, pm := range of[*monitoringv1.PodMonitor](all) {
			if pm.Spec.JobLabel != "" {
				jobs[pm.Spec.Selector.MatchLabels[pm.Spec.JobLabel]] = relabelings(t, pm.Spec.PodMetricsEndpoints[0].MetricRelabelConfigs)
			}
		}
	}
	for _, job := range []string{"cadvisor", "apiserver"} {
		jobs[job] = readScrape(t, "observability-default", job).MetricRelabelConfigs
	}
	return jobs
}

// unscraped lists what an expression reads and no job delivers.
func unscraped(t *testing.T, jobs map[string][]*relabel.Config, text string) []string {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	var lacks []string
	for _, matchers := range parser.ExtractSelectors(expr) {
		var name, job string
		for _, m := range matchers {
			switch m.Name {
			case model.MetricNameLabel:
				name = m.Value
			case model.JobLabel:
				job = m.Value
			}
		}
		if strings.HasPrefix(name, "ballast_") && strings.Contains(name, ":") {
			continue // it is recorded
		}
		for one := range strings.SplitSeq(job, "|") {
			kept, ok := jobs[one]
			if !ok {
				lacks = append(lacks, "no chart scrapes the job "+one)
				continue
			}
			lb := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name, model.BucketLabel, "604800.0"))
			if name != "up" && !relabel.ProcessBuilder(lb, kept...) {
				lacks = append(lacks, "the scrape of "+one+" drops "+name)
			}
		}
	}
	return lacks
}

// An alert over what nobody scrapes is silent however bad things are.
func TestWhatResourceAlertsReadIsScraped(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "alerts", "rules", "prometheus", "resource-*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no resource alerts: %v", err)
	}
	jobs := scraped(t)
	for _, file := range files {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				for _, lack := range unscraped(t, jobs, r.Expr) {
					t.Errorf("%s: %s%s: %s", filepath.Base(file), r.Record, r.Alert, lack)
				}
			}
		}
	}
}

func TestWhatIsNotScrapedIsFound(t *testing.T) {
	jobs := scraped(t)
	for expr, want := range map[string][]string{
		`up{job="monitor"} == 0`:                                nil,
		`up{job=~"prometheus|kubelet"}`:                         {"no chart scrapes the job kubelet"},
		`rate(argocd_app_sync_total{job="argocd-metrics"}[1h])`: nil,
		`argocd_git_request_total{job="argocd-metrics"}`:        {"the scrape of argocd-metrics drops argocd_git_request_total"},
		`apiserver_request_total{job="apiserver"}`:              {"the scrape of apiserver drops apiserver_request_total"},
		`monitor_load1`: {"no chart scrapes the job "},
	} {
		if got := unscraped(t, jobs, expr); !slices.Equal(got, want) {
			t.Errorf("%s lacks %q, want %q", expr, got, want)
		}
	}
}
