package helm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

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
			find[*corev1.ServiceAccount](t, all, s.Name)
			for _, r := range rules {
				for _, group := range r.APIGroups {
					for _, resource := range r.Resources {
						if group != "" {
							resource = group + "/" + resource
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
		grant(b.Subjects, "in "+b.Namespace, find[*rbacv1.Role](t, all, b.RoleRef.Name).Rules)
	}
	slices.Sort(lines)
	return lines
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
	want := slices.Sorted(slices.Values(slices.Concat(operator, prometheus)))
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			var expected []string
			if v.chart == "observability" {
				expected = want
			}
			if d := cmp.Diff(expected, rights(t, objects(t, v))); d != "" {
				t.Errorf("(-listed +granted):\n%s", d)
			}
		})
	}
}
