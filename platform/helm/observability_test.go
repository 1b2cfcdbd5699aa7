package helm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestTheClusterEvaluatesTheRepositorysRules(t *testing.T) {
	dir := filepath.Join("..", "..", "alerts", "rules", "prometheus")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := objects(t, variant{"observability", "observability-default"})
	if got := len(of[*monitoringv1.PrometheusRule](all)); got != len(files) {
		t.Errorf("%d PrometheusRules for %d files", got, len(files))
	}
	for _, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			var want monitoringv1.PrometheusRuleSpec
			if err := yaml.UnmarshalStrict(text, &want); err != nil {
				t.Fatal(err)
			}
			got := find[*monitoringv1.PrometheusRule](t, all, strings.TrimSuffix(f.Name(), ".yaml"))
			if d := cmp.Diff(want, got.Spec); d != "" {
				t.Errorf("(-file +object):\n%s", d)
			}
		})
	}
	// Prometheus' own templates are among them, untouched by Helm.
	rendered := join(mustRender(t, "observability", "observability-default"))
	if !bytes.Contains(rendered, []byte("{{ $labels.instance }}")) {
		t.Error("no rule has a label of its series in its text")
	}
}

func TestTheClusterHasTheRepositorysDashboards(t *testing.T) {
	dir := filepath.Join("..", "..", "dashboards")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	all := objects(t, variant{"observability", "observability-everything"})
	var found, mounted []string
	for _, c := range of[*corev1.ConfigMap](all) {
		if c.Labels["grafana_dashboard"] != "1" {
			continue
		}
		found = append(found, c.Name)
		for name, got := range c.Data {
			want, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || string(want) != got {
				t.Errorf("%s is not the file (%v)", name, err)
			}
		}
	}
	if len(found) != len(files) {
		t.Errorf("ConfigMaps %v for %d dashboards", found, len(files))
	}
	for _, v := range find[*appsv1.Deployment](t, all, "grafana").Spec.Template.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			mounted = append(mounted, s.ConfigMap.Name)
		}
	}
	slices.Sort(found)
	slices.Sort(mounted)
	if d := cmp.Diff(found, mounted); d != "" {
		t.Errorf("Grafana shows others (-there +mounted):\n%s", d)
	}
}

func TestPrometheusReadsMonitorsAndRulesOfEveryNamespace(t *testing.T) {
	p := find[*monitoringv1.Prometheus](t, objects(t, variant{"observability", "observability-default"}), "ballast")
	for name, selector := range map[string]any{
		"serviceMonitorSelector":          p.Spec.ServiceMonitorSelector,
		"serviceMonitorNamespaceSelector": p.Spec.ServiceMonitorNamespaceSelector,
		"podMonitorSelector":              p.Spec.PodMonitorSelector,
		"podMonitorNamespaceSelector":     p.Spec.PodMonitorNamespaceSelector,
		"ruleSelector":                    p.Spec.RuleSelector,
		"ruleNamespaceSelector":           p.Spec.RuleNamespaceSelector,
	} {
		text, err := yaml.Marshal(selector)
		if err != nil {
			t.Fatal(err)
		}
		// A missing selector, unlike an empty one, selects nothing.
		if string(text) != "{}\n" {
			t.Errorf("%s is %s", name, text)
		}
	}
}

// The operator refuses a Prometheus whose timeout is longer than its interval, and
// then none of it runs.
func TestAScrapeEndsBeforeTheNextOneBegins(t *testing.T) {
	tests := map[string]string{
		"500ms": "400ms", "1s": "800ms", "2s": "1600ms", "5s": "4000ms", "12s": "9600ms",
		"15s": "10000ms", "30s": "10000ms", "1m": "10000ms", "1h": "10000ms",
	}
	for interval, want := range tests {
		t.Run(interval, func(t *testing.T) {
			values := merge(readValues(t, "observability-default"), parseValues(t, "prometheus: {scrapeInterval: "+interval+"}"))
			docs, err := render(load(t, "observability"), values, engine.Engine{})
			if err != nil {
				t.Fatal(err)
			}
			p := find[*monitoringv1.Prometheus](t, decode(t, docs), "ballast")
			if got := string(p.Spec.ScrapeTimeout); got != want {
				t.Errorf("the timeout is %s, want %s", got, want)
			}
			if _, err := model.ParseDuration(string(p.Spec.ScrapeTimeout)); err != nil {
				t.Error(err)
			}
		})
	}
}

// routing is the part of Alertmanager's configuration that the chart changes; the rest is
// tested where the file is.
type routing struct {
	Receivers []struct {
		Name           string
		WebhookConfigs []struct {
			URL          string
			SendResolved bool `json:"send_resolved"`
		} `json:"webhook_configs"`
	}
}

func readRouting(t *testing.T, values string) (routing, map[string]any) {
	t.Helper()
	secret := find[*corev1.Secret](t, objects(t, variant{"observability", values}), "alertmanager-config")
	var r routing
	var all map[string]any
	if err := errors.Join(yaml.Unmarshal(secret.Data["alertmanager.yaml"], &r), yaml.Unmarshal(secret.Data["alertmanager.yaml"], &all)); err != nil {
		t.Fatalf("%v\n%s", err, secret.Data["alertmanager.yaml"])
	}
	return r, all
}

func TestAlertmanagerTakesTheConfigurationOfTheRepository(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "alerts", "alertmanager", "alertmanager.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := yaml.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	_, got := readRouting(t, "observability-default")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-file +chart):\n%s", d)
	}
}

func TestAlertsForPeopleGoToTheWebhook(t *testing.T) {
	r, _ := readRouting(t, "observability-quick")
	if len(r.Receivers) != 4 {
		t.Fatalf("the receivers are %+v", r.Receivers)
	}
	for _, receiver := range r.Receivers {
		if receiver.Name == "watchdog" {
			if len(receiver.WebhookConfigs) != 1 || receiver.WebhookConfigs[0].URL != "https://waits.example/ping" || receiver.WebhookConfigs[0].SendResolved {
				t.Errorf("the watchdog goes to %+v", receiver.WebhookConfigs)
			}
			continue
		}
		if receiver.Name == "none" {
			if len(receiver.WebhookConfigs) != 0 {
				t.Errorf("what goes nowhere goes to %+v", receiver.WebhookConfigs)
			}
			continue
		}
		if len(receiver.WebhookConfigs) != 1 {
			t.Fatalf("%s leads to %+v", receiver.Name, receiver.WebhookConfigs)
		}
		if got := receiver.WebhookConfigs[0]; got.URL != "http://receiver.default.svc:8080/alerts" || !got.SendResolved {
			t.Errorf("the webhook of %s is %+v", receiver.Name, got)
		}
	}
}

// Braces in a configuration are templates of Alertmanager, not of Helm.
func TestAWholeConfigurationIsTakenAsItIs(t *testing.T) {
	secret := find[*corev1.Secret](t, objects(t, variant{"observability", "observability-everything"}), "alertmanager-config")
	if !strings.Contains(string(secret.Data["alertmanager.yaml"]), "{{ .GroupKey }}") {
		t.Errorf("%s", secret.Data["alertmanager.yaml"])
	}
}

func TestDashboardsInTheFolderAreMounted(t *testing.T) {
	c := load(t, "observability")
	files, err := filepath.Glob("../../dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	want := map[string]string{"monitor_overview.json": `{"title": "A dashboard", "legend": "{{instance}}"}` + "\n"}
	c.Files = append(c.Files, &common.File{Name: "dashboards/monitor_overview.json", Data: []byte(want["monitor_overview.json"])})
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want[filepath.Base(f)] = string(text)
	}
	values := merge(readValues(t, "observability-default"), parseValues(t, "grafana: {enabled: true}"))
	docs, err := render(c, values, engine.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	all := decode(t, docs)
	var mounted, names []string
	for file, text := range want {
		name := "dashboard-" + strings.ReplaceAll(strings.TrimSuffix(file, ".json"), "_", "-")
		names = append(names, name)
		if d := cmp.Diff(map[string]string{file: text}, find[*corev1.ConfigMap](t, all, name).Data); d != "" {
			t.Errorf("%s (-file +object):\n%s", name, d)
		}
	}
	for _, v := range find[*appsv1.Deployment](t, all, "grafana").Spec.Template.Spec.Volumes {
		if v.Name == "dashboards" {
			for _, s := range v.Projected.Sources {
				mounted = append(mounted, s.ConfigMap.Name)
			}
		}
	}
	slices.Sort(mounted)
	slices.Sort(names)
	if !slices.Equal(mounted, names) {
		t.Errorf("mounted are %q, want %q", mounted, names)
	}
}

// collectorConfig is the part of the collector's configuration that tests look at.
type collectorConfig struct {
	Extensions map[string]any
	Receivers  map[string]struct {
		Include, Exclude []string
		Storage          string
	}
	Processors map[string]any
	Exporters  map[string]struct {
		LogsEndpoint string `json:"logs_endpoint"`
		Headers      map[string]string
	}
	Service struct {
		Extensions []string
		Pipelines  map[string]struct{ Receivers, Processors, Exporters []string }
	}
}

func readCollectorConfig(t *testing.T) collectorConfig {
	t.Helper()
	cm := find[*corev1.ConfigMap](t, objects(t, variant{"observability", "observability-default"}), "otel-collector")
	var c collectorConfig
	if err := yaml.Unmarshal([]byte(cm.Data["config.yaml"]), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The image is a build with these parts and no other.
func TestTheCollectorIsAskedForWhatItIsBuiltOf(t *testing.T) {
	c := readCollectorConfig(t)
	pipeline := c.Service.Pipelines["logs"]
	for name, part := range map[string]struct{ defined, used, want []string }{
		"extensions": {keys(c.Extensions), c.Service.Extensions, []string{"file_storage"}},
		"receivers":  {keys(c.Receivers), pipeline.Receivers, []string{"file_log"}},
		"processors": {keys(c.Processors), pipeline.Processors, []string{"batch", "memory_limiter"}},
		"exporters":  {keys(c.Exporters), pipeline.Exporters, []string{"otlp_http"}},
	} {
		sorted := cmpopts.SortSlices(strings.Compare)
		if d := cmp.Diff(part.want, part.defined, sorted); d != "" {
			t.Errorf("%s (-built +defined):\n%s", name, d)
		}
		if d := cmp.Diff(part.want, part.used, sorted); d != "" {
			t.Errorf("%s (-built +used):\n%s", name, d)
		}
	}
	// Before anything that holds on to what it gets.
	if pipeline.Processors[0] != "memory_limiter" {
		t.Errorf("the first processor is %s", pipeline.Processors[0])
	}
}

func keys[V any](m map[string]V) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	return ks
}

func TestTheCollectorReadsAllLogsButItsOwn(t *testing.T) {
	r := readCollectorConfig(t).Receivers["file_log"]
	matches := func(patterns []string, file string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := filepath.Match(p, file)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		})
	}
	for file, want := range map[string]bool{
		"/var/log/pods/monitor_monitor-7d4b9c-x2x4z_0a1b/monitor/0.log":                         true,
		"/var/log/pods/monitor_monitor-7d4b9c-x2x4z_0a1b/monitor/12.log":                        true,
		"/var/log/pods/monitor_monitor-7d4b9c-x2x4z_0a1b/monitor/0.log.20261125-000000.gz":      false,
		"/var/log/pods/observability_victorialogs-0_0a1b/victorialogs/0.log":                    true,
		"/var/log/pods/observability_otel-collector-x2x4z_0a1b/otel-collector/0.log":            false,
		"/var/log/pods/elsewhere_otel-collector-x2x4z_0a1b/otel-collector/0.log":                true,
		"/var/log/pods/kube-system_kube-proxy-x2x4z_0a1b/kube-proxy/0.log":                      true,
		"/var/log/containers/monitor-7d4b9c-x2x4z_monitor_monitor-0a1b.log":                     false,
		"/var/log/pods/observability_prometheus-ballast-0_0a1b/prometheus/0.log":                true,
		"/var/log/pods/observability_prometheus-ballast-0_0a1b/config-reloader/0.log":           true,
		"/var/log/pods/observability_alertmanager-ballast-0_0a1b/init-config-reloader/0.log":    true,
		"/var/log/pods/chaos-testing_chaos-controller-manager-7d4b9c-x2x4z_0a/chaos-mesh/0.log": true,
	} {
		if got := matches(r.Include, file) && !matches(r.Exclude, file); got != want {
			t.Errorf("%s is read: %t, want %t", file, got, want)
		}
	}
}

func TestTheCollectorSendsToTheServiceOfTheStore(t *testing.T) {
	all := objects(t, variant{"observability", "observability-default"})
	s := find[*corev1.Service](t, all, "victorialogs")
	e := readCollectorConfig(t).Exporters["otlp_http"]
	if want := "http://" + s.Name + "." + s.Namespace + ".svc:9428/insert/opentelemetry/v1/logs"; e.LogsEndpoint != want {
		t.Errorf("it sends to %s, want %s", e.LogsEndpoint, want)
	}
	if want := "k8s.namespace.name,k8s.pod.name,k8s.container.name"; e.Headers["VL-Stream-Fields"] != want {
		t.Errorf("streams are made of %s, want %s", e.Headers["VL-Stream-Fields"], want)
	}
}

// A pod that reads its configuration once has to start anew when that changes.
func TestTheCollectorStartsAnewWithAnotherConfiguration(t *testing.T) {
	checksum := func(extra string) string {
		values := merge(readValues(t, "observability-default"), parseValues(t, extra))
		docs, err := render(load(t, "observability"), values, engine.Engine{})
		if err != nil {
			t.Fatal(err)
		}
		ds := find[*appsv1.DaemonSet](t, decode(t, docs), "otel-collector")
		return ds.Spec.Template.Annotations["checksum/config"]
	}
	same, other := checksum("{}"), checksum("logs: {collector: {pollInterval: 1s}}")
	if same != checksum("prometheus: {retention: 2d}") {
		t.Error("it starts anew for what does not concern it")
	}
	if same == other {
		t.Error("it goes on with the old one")
	}
}
