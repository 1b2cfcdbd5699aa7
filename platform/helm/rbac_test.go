package helm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// rights lists what each identity may do, a line for each resource.
func rights(t *testing.T, all []object) []string {
	t.Helper()
	var lines []string
	grant := func(subjects []rbacv1.Subject, where string, rules []rbacv1.PolicyRule) {
		for _, s := range subjects {
			// An identity of another chart is in another namespace.
			if slices.ContainsFunc(of[*corev1.ServiceAccount](all), func(a *corev1.ServiceAccount) bool { return a.Namespace == s.Namespace }) {
				find[*corev1.ServiceAccount](t, all, s.Name)
			}
			for _, r := range rules {
				for _, group := range r.APIGroups {
					for _, resource := range r.Resources {
						if group != "" {
							resource = group + "/" + resource
						}
						if len(r.ResourceNames) > 0 {
							resource += " " + strings.Join(r.ResourceNames, ",")
						}
						lines = append(lines, fmt.Sprintf("%s %s: %s %s", s.Name, where, strings.Join(r.Verbs, ","), resource))
					}
				}
				for _, url := range r.NonResourceURLs {
					lines = append(lines, fmt.Sprintf("%s %s: %s %s", s.Name, where, strings.Join(r.Verbs, ","), url))
				}
			}
		}
	}
	for _, b := range of[*rbacv1.ClusterRoleBinding](all) {
		grant(b.Subjects, "everywhere", find[*rbacv1.ClusterRole](t, all, b.RoleRef.Name).Rules)
	}
	for _, b := range of[*rbacv1.RoleBinding](all) {
		there := slices.DeleteFunc(slices.Clone(all), func(o object) bool { return o.GetNamespace() != b.Namespace })
		grant(b.Subjects, "in "+b.Namespace, find[*rbacv1.Role](t, there, b.RoleRef.Name).Rules)
	}
	slices.Sort(lines)
	return lines
}

// chaosRights are those of the runner and the guard. Faults stand for the kinds of
// faults, marks for what Chaos Mesh makes of them; another test holds them to its API.
func chaosRights(values string) []string {
	runnerIn := func(namespace string) []string {
		return []string{
			"ballast-runner in " + namespace + ": create events",
			"ballast-runner in " + namespace + ": create events.k8s.io/events",
			"ballast-runner in " + namespace + ": list events.k8s.io/events",
			"ballast-runner in " + namespace + ": create pods/eviction",
			"ballast-runner in " + namespace + ": create,get,list,watch,delete FAULTS",
			"ballast-runner in " + namespace + ": get,list,watch MARKS",
			"ballast-runner in " + namespace + ": get,list,watch apps/daemonsets",
			"ballast-runner in " + namespace + ": get,list,watch apps/deployments",
			"ballast-runner in " + namespace + ": get,list,watch apps/replicasets",
			"ballast-runner in " + namespace + ": get,list,watch apps/statefulsets",
			"ballast-runner in " + namespace + ": get,list,watch autoscaling/horizontalpodautoscalers",
			"ballast-runner in " + namespace + ": get,list,watch pods",
			"ballast-runner in " + namespace + ": get,list,watch policy/poddisruptionbudgets",
		}
	}
	guardIn := func(namespace string) []string {
		return []string{
			"ballast-guard in " + namespace + ": get,list,watch MARKS",
			"ballast-guard in " + namespace + ": get,list,watch,delete FAULTS",
		}
	}
	home := []string{
		"ballast-runner in chaos-testing: create,get,list,watch,update,delete coordination.k8s.io/leases",
		"ballast-runner in chaos-testing: get apps/deployments chaos-controller-manager",
		"ballast-runner in chaos-testing: get,list,watch configmaps ballast-kill-switch",
	}
	if values == "chaos-default" {
		return slices.Concat(home, runnerIn("monitor"), []string{"ballast-runner everywhere: get namespaces monitor"})
	}
	return slices.Concat(home, runnerIn("monitor"), runnerIn("shop"), guardIn("monitor"), guardIn("shop"), []string{
		"ballast-guard in chaos-testing: get,list,watch configmaps ballast-kill-switch",
		"ballast-guard in chaos-testing: get,list,watch,delete coordination.k8s.io/leases",
		"ballast-runner everywhere: get namespaces monitor,shop",
		"ballast-runner everywhere: get,list argoproj.io/applications",
		"ballast-runner in observability: get services/proxy alertmanager,alertmanager:web,http:alertmanager:web,alertmanager:9093,http:alertmanager:9093",
		"ballast-runner in observability: get services/proxy prometheus,prometheus:web,http:prometheus:web,prometheus:9090,http:prometheus:9090",
	})
}

// Every fault that Chaos Mesh has is one that a run may make, or stands here.
func TestTheRunnerMayMakeTheFaultsThatARunCanBound(t *testing.T) {
	without := map[string]string{
		"physicalmachinechaos": "acts on machines outside of the cluster",
		"podhttpchaos":         "made by Chaos Mesh of another one",
		"podiochaos":           "made by Chaos Mesh of another one",
		"podnetworkchaos":      "made by Chaos Mesh of another one",
		"schedule":             "makes others by itself, without an end",
		"workflow":             "makes others by itself",
		"workflownode":         "belongs to a workflow",
		"statuscheck":          "is no fault",
		"remotecluster":        "reaches other clusters",
		"physicalmachine":      "is no fault",
	}
	var want []string
	for kind := range v1alpha1.AllKindsIncludeScheduleAndWorkflow() {
		if name := strings.ToLower(kind); without[name] == "" {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	all := objects(t, variant{"chaos", "chaos-everything"})
	for _, who := range []string{"ballast-runner", "ballast-guard"} {
		there := slices.DeleteFunc(slices.Clone(all), func(o object) bool { return o.GetNamespace() != "monitor" })
		if d := cmp.Diff(want, find[*rbacv1.Role](t, there, who).Rules[0].Resources); d != "" {
			t.Errorf("%s (-Chaos Mesh has +it may):\n%s", who, d)
		}
	}
}

// grouped writes one line for the kinds of Chaos Mesh that rules name together.
func grouped(lines []string) []string {
	var out []string
	for _, line := range lines {
		head, kind, ok := strings.Cut(line, "chaos-mesh.org/")
		switch {
		case !ok:
		case strings.HasPrefix(kind, "pod") && kind != "podchaos":
			line = head + "MARKS"
		default:
			line = head + "FAULTS"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestNobodyMayDoMoreThanIsListedHere(t *testing.T) {
	operator := []string{
		"prometheus-operator everywhere: create,patch events.k8s.io/events",
		"prometheus-operator everywhere: get,list,watch monitoring.coreos.com/podmonitors",
		"prometheus-operator everywhere: get,list,watch monitoring.coreos.com/probes",
		"prometheus-operator everywhere: get,list,watch monitoring.coreos.com/prometheusrules",
		"prometheus-operator everywhere: get,list,watch monitoring.coreos.com/servicemonitors",
		"prometheus-operator everywhere: get,list,watch namespaces",
		"prometheus-operator in observability: get,create,update services",
		"prometheus-operator in observability: get,list,watch monitoring.coreos.com/alertmanagerconfigs",
		"prometheus-operator in observability: get,list,watch monitoring.coreos.com/alertmanagers",
		"prometheus-operator in observability: get,list,watch monitoring.coreos.com/prometheuses",
		"prometheus-operator in observability: get,list,watch,create,update,delete configmaps",
		"prometheus-operator in observability: get,list,watch,create,update,delete secrets",
		"prometheus-operator in observability: get,list,watch,create,update,patch,delete apps/statefulsets",
		"prometheus-operator in observability: list pods",
		"prometheus-operator in observability: update monitoring.coreos.com/alertmanagers/finalizers",
		"prometheus-operator in observability: update monitoring.coreos.com/prometheuses/finalizers",
		"prometheus-operator in observability: update,patch monitoring.coreos.com/alertmanagers/status",
		"prometheus-operator in observability: update,patch monitoring.coreos.com/prometheuses/status",
	}
	prometheus := []string{
		"prometheus everywhere: get,list,watch discovery.k8s.io/endpointslices",
		"prometheus everywhere: get,list,watch pods",
		"prometheus everywhere: get,list,watch services",
	}
	scrapes := []string{
		"prometheus everywhere: get /metrics",
		"prometheus everywhere: get nodes/metrics",
		"prometheus everywhere: get,list,watch nodes",
	}
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			var expected []string
			if v.chart == "observability" {
				expected = slices.Concat(operator, prometheus)
				if v.values != "observability-metrics" {
					expected = slices.Concat(expected, scrapes)
				}
			}
			if v.chart == "chaos" {
				expected = chaosRights(v.values)
			}
			if v.values == "monitor-secure" {
				expected = []string{"prometheus-operator in monitor: get secrets monitor-tls,monitor-token"}
			}
			slices.Sort(expected)
			if d := cmp.Diff(expected, grouped(rights(t, objects(t, v)))); d != "" {
				t.Errorf("(-listed +granted):\n%s", d)
			}
		})
	}
}
