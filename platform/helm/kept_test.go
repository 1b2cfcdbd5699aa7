package helm

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// Alerts and dashboards read what docs/metrics publishes. A scrape that drops a part of it
// leaves a panel empty, and an alert silent, on every cluster.
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
	f, err := os.Open(filepath.Join("..", "..", "docs", "metrics", file+".prom"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(f)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		t.Fatalf("docs/metrics/%s.prom is empty", file)
	}
	return names
}
