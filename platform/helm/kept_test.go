package helm

import (
	"os"
	"path/filepath"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/ballast-sre/ballast/tests/e2e/exposition"
)

// Alerts and dashboards query the metrics in docs/metrics. If a scrape drops one of them, a
// panel stays empty and an alert stays silent on every cluster.
func TestScrapesKeepWhatIsPublished(t *testing.T) {
	all := objects(t, variant{"observability", "observability-everything"})
	kept := map[string][]monitoringv1.RelabelConfig{
		"otel-collector": find[*monitoringv1.PodMonitor](t, all, "otel-collector").Spec.PodMetricsEndpoints[0].MetricRelabelConfigs,
	}
	for file, monitor := range map[string]string{
		"argocd": "argocd", "alertmanager": "alertmanager", "git": "ballast-git", "prometheus": "prometheus", "victorialogs": "victorialogs",
	} {
		kept[file] = find[*monitoringv1.ServiceMonitor](t, all, monitor).Spec.Endpoints[0].MetricRelabelConfigs
	}
	for file, of := range kept {
		t.Run(file, func(t *testing.T) {
			rules := relabelings(t, of)
			for _, name := range published(t, file) {
				lb := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name))
				if !relabel.ProcessBuilder(lb, rules...) {
					t.Errorf("%s is published in docs/metrics/%s.prom, and its scrape drops it", name, file)
				}
			}
		})
	}
}

// published are the names of the families that docs/metrics has of a program.
func published(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics", file+".prom"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := exposition.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	names := e.Families()
	if len(names) == 0 {
		t.Fatalf("docs/metrics/%s.prom is empty", file)
	}
	return names
}
