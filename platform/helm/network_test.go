package helm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/ballast-sre/ballast/platform/policy"
)

// network is a set of policies, evaluated as a network plugin does: a pod that no
// policy of a direction selects is open in it, all others allow what any of their
// policies allows.
type network []*networkingv1.NetworkPolicy

// covered says whether some policy closes a direction of a pod.
func (n network) covered(p pod, direction networkingv1.PolicyType) bool {
	return slices.ContainsFunc(n, func(np *networkingv1.NetworkPolicy) bool {
		return selects(np, p) && slices.Contains(np.Spec.PolicyTypes, direction)
	})
}

// reaches says whether from may open a TCP connection to a port of to.
func (n network) reaches(from, to pod, port int) bool {
	return n.egress(from, to, port) && n.ingress(from, to, port)
}

func (n network) egress(from, to pod, port int) bool {
	if !n.covered(from, networkingv1.PolicyTypeEgress) {
		return true
	}
	for _, np := range n {
		for _, rule := range np.Spec.Egress {
			if selects(np, from) && admits(rule.To, np.Namespace, to) && opens(rule.Ports, port) {
				return true
			}
		}
	}
	return false
}

func (n network) ingress(from, to pod, port int) bool {
	if !n.covered(to, networkingv1.PolicyTypeIngress) {
		return true
	}
	for _, np := range n {
		for _, rule := range np.Spec.Ingress {
			if selects(np, to) && admits(rule.From, np.Namespace, from) && opens(rule.Ports, port) {
				return true
			}
		}
	}
	return false
}

func selects(np *networkingv1.NetworkPolicy, p pod) bool {
	return np.Namespace == p.Namespace && matches(&np.Spec.PodSelector, p.Labels)
}

// admits says whether a pod is among peers. No peers are all peers. An address is
// never that of a pod here.
func admits(peers []networkingv1.NetworkPolicyPeer, namespace string, p pod) bool {
	if len(peers) == 0 {
		return true
	}
	return slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		switch {
		case peer.IPBlock != nil:
			return false
		case peer.NamespaceSelector != nil:
			named := map[string]string{"kubernetes.io/metadata.name": p.Namespace}
			return p.Namespace != "" && matches(peer.NamespaceSelector, named) && (peer.PodSelector == nil || matches(peer.PodSelector, p.Labels))
		default:
			return p.Namespace == namespace && matches(peer.PodSelector, p.Labels)
		}
	})
}

// opens says whether a port is among those of a rule. No ports are all ports.
func opens(ports []networkingv1.NetworkPolicyPort, port int) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		return (p.Protocol == nil || *p.Protocol == "TCP") && (p.Port == nil || p.Port.IntValue() == port)
	})
}

func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(set))
}

// cluster is what is there when every chart is installed, and somebody else.
func cluster(t *testing.T, files ...string) (network, map[string]pod) {
	t.Helper()
	var n network
	all := map[string]pod{
		"a pod beside the monitor": {Namespace: "monitor", Labels: map[string]string{"app": "neighbour"}},
		"a stranger":               {Namespace: "elsewhere", Labels: map[string]string{"app": "stranger"}},
		"a client":                 {Namespace: "people", Labels: map[string]string{"example.com/reads": "metrics"}},
		"a runner":                 {Namespace: "chaos-testing", Labels: map[string]string{"app.kubernetes.io/name": "ballast-runner"}},
		"the DNS":                  {Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}},
		"the outside":              {}, // in no namespace: an address that is no pod's
	}
	for _, v := range variants(t) {
		if !slices.Contains(files, v.values) {
			continue
		}
		rendered := objects(t, v)
		n = append(n, of[*networkingv1.NetworkPolicy](rendered)...)
		for _, p := range policy.Pods(rendered) {
			all[p.ID] = p
		}
	}
	return n, all
}

func TestEveryPodIsDeniedWhatItDoesNotNeed(t *testing.T) {
	for _, v := range variants(t) {
		if v.values == "observability-metrics" {
			continue // denies nothing, as it says
		}
		t.Run(v.values, func(t *testing.T) {
			all := objects(t, v)
			n := network(of[*networkingv1.NetworkPolicy](all))
			for _, p := range policy.Pods(all) {
				for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
					if !n.covered(p, direction) {
						t.Errorf("no policy closes %s of %s", direction, p.ID)
					}
				}
			}
		})
	}
}

// Two charts have a namespace for themselves. Whatever else comes to be in it gets
// nothing by itself.
func TestNamespacesOfTheirOwnAreClosed(t *testing.T) {
	for _, v := range []variant{{"observability", "observability-default"}, {"chaos", "chaos-default"}} {
		t.Run(v.chart, func(t *testing.T) {
			n := network(of[*networkingv1.NetworkPolicy](objects(t, v)))
			somebody := pod{Namespace: releases[v.chart].namespace, Labels: map[string]string{"app": "somebody"}}
			for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
				if !n.covered(somebody, direction) {
					t.Errorf("%s is open", direction)
				}
			}
			outside := pod{}
			if n.egress(somebody, outside, 443) || n.ingress(outside, somebody, 443) {
				t.Error("it is closed and something opens it for everybody")
			}
		})
	}
}

func TestPodsAreReachedByWhomTheyNeedAndNobodyElse(t *testing.T) {
	n, all := cluster(t, "monitor-split", "probe-default", "observability-everything", "chaos-everything")
	want := []string{
		"DaemonSet/otel-collector -> StatefulSet/victorialogs:9428",
		"Deployment/grafana -> Prometheus/ballast:9090",
		"Deployment/probe -> Deployment/monitor-cpu:8080",
		"Deployment/probe -> Deployment/monitor-disk:8080",
		"Deployment/probe -> Deployment/monitor-memory:8080",
		"Deployment/probe -> Deployment/monitor-network:8080",
		"Pod/monitor-test -> Deployment/monitor-cpu:8080",
		"Pod/monitor-test -> Deployment/monitor-disk:8080",
		"Pod/monitor-test -> Deployment/monitor-memory:8080",
		"Pod/monitor-test -> Deployment/monitor-network:8080",
		"a pod beside the monitor -> Deployment/monitor-cpu:8080",
		"a pod beside the monitor -> Deployment/monitor-disk:8080",
		"a pod beside the monitor -> Deployment/monitor-memory:8080",
		"a pod beside the monitor -> Deployment/monitor-network:8080",
		"Prometheus/ballast -> Alertmanager/ballast:9093",
		"Prometheus/ballast -> DaemonSet/otel-collector:8888",
		"Prometheus/ballast -> Deployment/ballast-guard:9091",
		"Prometheus/ballast -> Deployment/monitor-cpu:8080",
		"Prometheus/ballast -> Deployment/monitor-disk:8080",
		"Prometheus/ballast -> Deployment/monitor-memory:8080",
		"Prometheus/ballast -> Deployment/monitor-network:8080",
		"Prometheus/ballast -> Deployment/probe:9090",
		"Prometheus/ballast -> Deployment/prometheus-operator:8080",
		"Prometheus/ballast -> Prometheus/ballast:9090",
		"Prometheus/ballast -> StatefulSet/victorialogs:9428",
		// Its replicas, among themselves.
		"Alertmanager/ballast -> Alertmanager/ballast:9094",
		// Whom networkPolicy.clients names.
		"a client -> Alertmanager/ballast:9093",
		"a client -> Deployment/grafana:3000",
		"a client -> Prometheus/ballast:9090",
		"a client -> StatefulSet/victorialogs:9428",
	}
	// Services of a split monitor show each other's readings.
	services := []string{"Deployment/monitor-cpu", "Deployment/monitor-disk", "Deployment/monitor-memory", "Deployment/monitor-network"}
	for _, from := range services {
		for _, to := range services {
			want = append(want, from+" -> "+to+":8080")
		}
	}
	var open []string
	for from := range all {
		for to := range all {
			for _, port := range []int{53, 80, 443, 3000, 6443, 8080, 8888, 9090, 9091, 9093, 9094, 9428} {
				if all[to].ID != "" && n.reaches(all[from], all[to], port) {
					open = append(open, fmt.Sprintf("%s -> %s:%d", from, to, port))
				}
			}
		}
	}
	slices.Sort(want)
	slices.Sort(open)
	if d := cmp.Diff(want, open); d != "" {
		t.Errorf("(-meant +open):\n%s", d)
	}
}

func TestPodsReachWhatIsNotOfTheChartsAsFarAsTheyNeed(t *testing.T) {
	n, all := cluster(t, "monitor-split", "probe-default", "observability-everything", "chaos-everything")
	tests := []struct {
		from, to string
		port     int
		want     bool
	}{
		{"Deployment/monitor-cpu", "the DNS", 53, true}, // for the others' names
		{"Deployment/monitor-cpu", "the outside", 443, false},
		{"Deployment/monitor-cpu", "a pod beside the monitor", 80, false},
		{"Pod/monitor-test", "the DNS", 53, true},
		{"Pod/monitor-test", "the outside", 80, false},
		{"Deployment/probe", "the DNS", 53, true},
		{"Deployment/probe", "the outside", 80, false},
		{"Deployment/probe", "a stranger", 8080, false},
		{"StatefulSet/victorialogs", "the DNS", 53, false},
		{"StatefulSet/victorialogs", "the outside", 443, false},
		{"DaemonSet/otel-collector", "the DNS", 53, true},
		{"DaemonSet/otel-collector", "the outside", 9428, false},
		{"Deployment/ballast-guard", "the DNS", 53, false},
		{"Deployment/ballast-guard", "the outside", 6443, true},
		{"Deployment/ballast-guard", "the outside", 80, false},
		{"a runner", "the DNS", 53, false},
		{"a runner", "the outside", 6443, true},
		{"a runner", "the outside", 9090, false},
		{"Deployment/grafana", "the DNS", 53, true},
		{"Deployment/grafana", "the outside", 443, false},
		{"Deployment/prometheus-operator", "the DNS", 53, true},
		{"Deployment/prometheus-operator", "the outside", 6443, true},
		{"Deployment/prometheus-operator", "the outside", 80, false},
		{"Prometheus/ballast", "the DNS", 53, true},
		{"Prometheus/ballast", "the outside", 6443, true},
		{"Prometheus/ballast", "the outside", 10250, true}, // kubelets
		{"Prometheus/ballast", "the outside", 80, false},
		{"Prometheus/ballast", "a stranger", 8080, true}, // it scrapes whoever lets it
		{"Alertmanager/ballast", "the DNS", 53, true},
		{"Alertmanager/ballast", "the outside", 443, true},
		{"Alertmanager/ballast", "the outside", 80, false},
	}
	for _, tt := range tests {
		if got := n.reaches(all[tt.from], all[tt.to], tt.port); got != tt.want {
			t.Errorf("%s -> %s:%d is %t, want %t", tt.from, tt.to, tt.port, got, tt.want)
		}
	}
}
