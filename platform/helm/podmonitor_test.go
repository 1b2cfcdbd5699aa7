package helm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// relabelings are those of a monitor, as Prometheus gets them from the operator.
func relabelings(t *testing.T, of []monitoringv1.RelabelConfig) []*relabel.Config {
	t.Helper()
	var all []*relabel.Config
	for _, r := range of {
		c := relabel.DefaultRelabelConfig
		c.NameValidationScheme = model.UTF8Validation
		for _, l := range r.SourceLabels {
			c.SourceLabels = append(c.SourceLabels, model.LabelName(l))
		}
		if r.Action != "" {
			c.Action = relabel.Action(r.Action)
		}
		if r.Regex != "" {
			c.Regex = relabel.MustNewRegexp(r.Regex)
		}
		if r.Replacement != nil {
			c.Replacement = *r.Replacement
		}
		c.TargetLabel = r.TargetLabel
		if err := c.Validate(model.UTF8Validation); err != nil {
			t.Fatal(err)
		}
		all = append(all, &c)
	}
	return all
}

// What Prometheus makes of a pod that it found: whom it asks, for what, and which
// labels the answer gets. The labels without underscores are the operator's, which it
// sets before those of the monitor.
func TestPrometheusAsksTheProbeForEachPod(t *testing.T) {
	all := objects(t, variant{"probe", "probe-default"})
	pm := find[*monitoringv1.PodMonitor](t, all, "probe-pods")
	rules := relabelings(t, pm.Spec.PodMetricsEndpoints[0].RelabelConfigs)
	found := func(address, port string) labels.Labels {
		return labels.FromStrings("__address__", address, "__meta_kubernetes_pod_container_port_number", port,
			"__meta_kubernetes_pod_ready", "false", "__metrics_path__", "/probe", "__scheme__", "http",
			"namespace", "monitor", "pod", "monitor-x", "container", "monitor", "job", "monitor/probe-pods")
	}
	tests := map[string]struct {
		found  labels.Labels
		target string // empty: it is not asked
	}{
		"a pod that is not ready":       {found("10.1.2.3:8080", "8080"), "10.1.2.3:8080"},
		"a pod with an address of IPv6": {found("[fd00::7]:8080", "8080"), "[fd00::7]:8080"},
		"another port of the pod":       {found("10.1.2.3:9090", "9090"), ""},
		"a port with its digits":        {found("10.1.2.3:18080", "18080"), ""},
		"a container without a port":    {found("10.1.2.3", ""), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			lb := labels.NewBuilder(tt.found)
			kept := relabel.ProcessBuilder(lb, rules...)
			if kept != (tt.target != "") {
				t.Fatalf("it is asked: %t", kept)
			}
			if !kept {
				return
			}
			want := map[string]string{
				"__address__": "probe.monitor.svc:9090", "__param_target": tt.target, "__metrics_path__": "/probe", "__scheme__": "http",
				"instance": tt.target, "job": "probe-pods", "namespace": "monitor", "pod": "monitor-x",
				"__meta_kubernetes_pod_container_port_number": tt.found.Get("__meta_kubernetes_pod_container_port_number"),
				"__meta_kubernetes_pod_ready":                 "false",
			}
			if d := cmp.Diff(want, lb.Labels().Map()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	s := find[*corev1.Service](t, all, "probe")
	if address := s.Name + "." + s.Namespace + ".svc:9090"; address != "probe.monitor.svc:9090" || s.Spec.Ports[0].Port != 9090 {
		t.Errorf("the probe is at %s", address)
	}
}

// A probe for pods that there are none of is silent.
func TestTheProbeFindsThePodsOfTheMonitor(t *testing.T) {
	pm := find[*monitoringv1.PodMonitor](t, objects(t, variant{"probe", "probe-default"}), "probe-pods")
	for _, d := range of[*appsv1.Deployment](objects(t, variant{"monitor", "monitor-split"})) {
		if !matches(&pm.Spec.Selector, d.Spec.Template.Labels) || d.Namespace != pm.Spec.NamespaceSelector.MatchNames[0] {
			t.Errorf("the pods of %s are not asked", d.Name)
		}
		if port := d.Spec.Template.Spec.Containers[0].Ports[0].ContainerPort; port != 8080 {
			t.Errorf("the pods of %s answer on %d", d.Name, port)
		}
	}
	if f := pm.Spec.PodMetricsEndpoints[0].FilterRunning; f != nil {
		t.Errorf("pods whose phase is Failed are asked: %t; their addresses may be others'", !*f)
	}
}
