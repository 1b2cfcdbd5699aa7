package helm

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ballast-sre/ballast/platform/policy"
)

// Prometheus takes the job from the label of the Service that jobLabel names.
// Rules, alerts and dashboards select by it.
func TestJobsHaveTheNamesThatTheRulesSelect(t *testing.T) {
	for _, v := range variants(t) {
		want := map[string]string{"monitor": "monitor", "probe": "probe", "chaos": "ballast-guard"}[v.chart]
		if want == "" || v.values == "chaos-default" {
			continue
		}
		t.Run(v.values, func(t *testing.T) {
			all := objects(t, v)
			sm := of[*monitoringv1.ServiceMonitor](all)
			if len(sm) != 1 {
				t.Fatalf("%d ServiceMonitors, want 1", len(sm))
			}
			if sm[0].Spec.JobLabel != "app.kubernetes.io/name" {
				t.Errorf("the job comes from %q", sm[0].Spec.JobLabel)
			}
			services := of[*corev1.Service](all)
			if len(services) == 0 {
				t.Fatal("there is no Service")
			}
			for _, s := range services {
				if !matches(&sm[0].Spec.Selector, s.Labels) {
					t.Errorf("Service %s is not scraped", s.Name)
				}
				if got := s.Labels["app.kubernetes.io/name"]; got != want {
					t.Errorf("the job of Service %s is %q, want %q", s.Name, got, want)
				}
				for _, e := range sm[0].Spec.Endpoints {
					if !slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == e.Port }) {
						t.Errorf("Service %s has no port %s", s.Name, e.Port)
					}
				}
			}
		})
	}
}

// A Service that selects nothing answers nobody, and says so nowhere.
func TestServicesLeadToThePodsThatServeTheirPorts(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			all := objects(t, v)
			for _, s := range of[*corev1.Service](all) {
				var behind []pod
				for _, p := range policy.Pods(all) {
					if hasAll(s.Spec.Selector, p.Labels) {
						behind = append(behind, p)
					}
				}
				if len(behind) != 1 {
					t.Errorf("Service %s leads to the pods of %d objects, want 1", s.Name, len(behind))
					continue
				}
				if strings.HasPrefix(behind[0].ID, "Prometheus/") || strings.HasPrefix(behind[0].ID, "Alertmanager/") {
					continue // the operator names the ports
				}
				for _, port := range s.Spec.Ports {
					if !slices.ContainsFunc(behind[0].Containers(), func(c corev1.Container) bool {
						return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == port.TargetPort.StrVal })
					}) {
						t.Errorf("%s has no port %s for Service %s", behind[0].ID, port.TargetPort.StrVal, s.Name)
					}
				}
			}
		})
	}
}

// hasAll says whether labels have all that a plain selector asks for.
func hasAll(selector, set map[string]string) bool {
	for k, v := range selector {
		if set[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

// What a workload selects never changes, so it must be in its pods' labels and
// must not have anything in it that an upgrade changes.
func TestSelectorsAreOfLabelsThatStay(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			for _, o := range objects(t, v) {
				var selector, labels map[string]string
				switch o := o.(type) {
				case *appsv1.Deployment:
					selector, labels = o.Spec.Selector.MatchLabels, o.Spec.Template.Labels
				case *appsv1.DaemonSet:
					selector, labels = o.Spec.Selector.MatchLabels, o.Spec.Template.Labels
				case *appsv1.StatefulSet:
					selector, labels = o.Spec.Selector.MatchLabels, o.Spec.Template.Labels
				default:
					continue
				}
				want := []string{"app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/name"}
				if got := slices.Sorted(maps.Keys(selector)); !slices.Equal(got, want) {
					t.Errorf("%s selects by %q", o.GetName(), got)
				}
				if !hasAll(selector, labels) {
					t.Errorf("%s does not select its own pods", o.GetName())
				}
				for _, changing := range []string{"app.kubernetes.io/version", "helm.sh/chart"} {
					if labels[changing] != "" {
						t.Errorf("%s restarts its pods for a change of %s", o.GetName(), changing)
					}
				}
			}
		})
	}
}

func TestAzureReadsMonitorsOfItsOwnGroup(t *testing.T) {
	for _, v := range []variant{{"monitor", "monitor-azure"}, {"probe", "probe-everything"}} {
		for _, sm := range of[*monitoringv1.ServiceMonitor](objects(t, v)) {
			want := schema.GroupVersion{Group: "azmonitoring.coreos.com", Version: "v1"}
			if got := sm.GroupVersionKind().GroupVersion(); got != want {
				t.Errorf("%s: %s, want %s", v.values, got, want)
			}
		}
	}
}

// The monitor refuses requests for a host that it was not told of. The probe's
// load and the test's come with a name; Prometheus, the kubelet and the probe of
// single pods with an address, which is always served.
func TestWhoAsksTheMonitorByANameUsesOneThatItHas(t *testing.T) {
	allowed := map[string]bool{}
	var asked []string
	for _, v := range []variant{{"monitor", "monitor-default"}, {"monitor", "monitor-split"}, {"probe", "probe-default"}} {
		for _, p := range policy.Pods(objects(t, v)) {
			for _, c := range p.Containers() {
				for _, arg := range c.Args {
					if names, ok := strings.CutPrefix(arg, "--allowed-hosts="); ok {
						for name := range strings.SplitSeq(names, ",") {
							allowed[name] = true
						}
					}
					if u, err := url.Parse(arg); err == nil && u.Host != "" {
						asked = append(asked, u.Hostname())
					}
				}
			}
		}
	}
	if len(asked) < 2 {
		t.Fatalf("only %q are asked", asked)
	}
	for _, name := range asked {
		if !allowed[name] {
			t.Errorf("%s is asked, and not among the allowed hosts", name)
		}
	}
}

// The chaos experiments hit what is called monitor. Nothing else may be.
func TestExperimentsHitTheMonitorAlone(t *testing.T) {
	for _, v := range variants(t) {
		for _, p := range policy.Pods(objects(t, v)) {
			isMonitor := v.chart == "monitor" && !strings.HasPrefix(p.ID, "Pod/")
			if got := p.Labels["app.kubernetes.io/name"] == "monitor"; got != isMonitor {
				t.Errorf("%s: %s is hit: %t, want %t", v.values, p.ID, got, isMonitor)
			}
		}
	}
	for _, d := range of[*appsv1.Deployment](objects(t, variant{"monitor", "monitor-default"})) {
		// monitor-container-kill names the container.
		if got := d.Spec.Template.Spec.Containers[0].Name; got != "monitor" {
			t.Errorf("the container is called %s", got)
		}
	}
}
