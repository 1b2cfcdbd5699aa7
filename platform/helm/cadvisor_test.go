package helm

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// readScrape reads one of the jobs that Prometheus gets beside what the operator writes,
// as Prometheus does.
func readScrape(t *testing.T, values, job string) *config.ScrapeConfig {
	t.Helper()
	secret := find[*corev1.Secret](t, objects(t, variant{"observability", values}), "prometheus-scrapes")
	var jobs []any
	if err := yaml.Unmarshal(secret.Data["scrapes.yaml"], &jobs); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(map[string]any{"scrape_configs": jobs, "global": map[string]string{"scrape_interval": "15s"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(string(text), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.ScrapeConfigs {
		if s.JobName == job {
			return s
		}
	}
	t.Fatalf("there is no job %s", job)
	return nil
}

func readCadvisor(t *testing.T, values string) *config.ScrapeConfig {
	t.Helper()
	return readScrape(t, values, "cadvisor")
}

func TestKubeletsAreAskedWithAToken(t *testing.T) {
	c := readCadvisor(t, "observability-default")
	if c.JobName != "cadvisor" || c.Scheme != "https" || c.MetricsPath != "/metrics/cadvisor" {
		t.Errorf("job %s asks %s %s", c.JobName, c.Scheme, c.MetricsPath)
	}
	const account = "/var/run/secrets/kubernetes.io/serviceaccount/"
	client := c.HTTPClientConfig
	if client.Authorization == nil || client.Authorization.CredentialsFile != account+"token" {
		t.Errorf("the token is that of %+v", client.Authorization)
	}
	if client.TLSConfig.CAFile != account+"ca.crt" || client.TLSConfig.InsecureSkipVerify {
		t.Errorf("certificates are verified by %+v", client.TLSConfig)
	}
	if !c.TrackTimestampsStaleness || !c.HonorTimestamps {
		t.Error("a container that is gone is taken for a present one")
	}
	if len(c.ServiceDiscoveryConfigs) != 1 {
		t.Fatalf("it discovers %+v", c.ServiceDiscoveryConfigs)
	}
	if d, ok := c.ServiceDiscoveryConfigs[0].(*kubernetes.SDConfig); !ok || d.Role != kubernetes.RoleNode {
		t.Errorf("it discovers %+v", c.ServiceDiscoveryConfigs[0])
	}
	if got := time.Duration(c.ScrapeInterval); got != 15*time.Second {
		t.Errorf("the interval is %s", got)
	}
	if c := readCadvisor(t, "observability-everything"); time.Duration(c.ScrapeTimeout) != 8*time.Second {
		t.Errorf("the timeout is %s", c.ScrapeTimeout)
	}
	if c := readCadvisor(t, "observability-everything"); time.Duration(c.ScrapeInterval) != 10*time.Second || !c.HTTPClientConfig.TLSConfig.InsecureSkipVerify {
		t.Errorf("the interval is %s, certificates are skipped: %t", c.ScrapeInterval, c.HTTPClientConfig.TLSConfig.InsecureSkipVerify)
	}
}

func TestOfKubeletsOnlyWhatContainersUseIsKept(t *testing.T) {
	c := readCadvisor(t, "observability-default")
	tests := map[string]struct {
		name, namespace, pod, container string
		want                            bool
	}{
		"CPU":                               {"container_cpu_usage_seconds_total", "monitor", "monitor-x", "monitor", true},
		"periods of its quota":              {"container_cpu_cfs_periods_total", "monitor", "monitor-x", "monitor", true},
		"periods in which it was throttled": {"container_cpu_cfs_throttled_periods_total", "monitor", "monitor-x", "monitor", true},
		"the time that this took":           {"container_cpu_cfs_throttled_seconds_total", "monitor", "monitor-x", "monitor", true},
		"memory":                            {"container_memory_working_set_bytes", "monitor", "monitor-x", "monitor", true},
		"when it started":                   {"container_start_time_seconds", "monitor", "monitor-x", "monitor", true},
		"CPU of another sort":               {"container_cpu_system_seconds_total", "monitor", "monitor-x", "monitor", false},
		"a name that goes on":               {"container_memory_working_set_bytes_total", "monitor", "monitor-x", "monitor", false},
		"the machine":                       {"machine_cpu_cores", "", "", "", false},
		"a pod as a whole":                  {"container_cpu_usage_seconds_total", "monitor", "monitor-x", "", false},
		"the node's own programs":           {"container_cpu_usage_seconds_total", "", "", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			lb := labels.NewBuilder(labels.FromStrings("__name__", tt.name, "namespace", tt.namespace, "pod", tt.pod, "container", tt.container))
			if got := relabel.ProcessBuilder(lb, c.MetricRelabelConfigs...); got != tt.want {
				t.Errorf("it is kept: %t", got)
			}
		})
	}
	lb := labels.NewBuilder(labels.FromStrings("__address__", "10.0.0.4:10250", "__meta_kubernetes_node_name", "node-1"))
	relabel.ProcessBuilder(lb, c.RelabelConfigs...)
	if d := cmp.Diff("node-1", lb.Get("node")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
