package helm

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/ballast-sre/ballast/platform/policy"
)

// pod is a pod that a chart brings about.
type pod = policy.Pod

func isFalse(b *bool) bool { return b != nil && !*b }

func TestEveryPodKeepsToTheRules(t *testing.T) {
	unused := policy.Exceptions()
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			for _, p := range policy.Pods(objects(t, v)) {
				for _, r := range policy.Rules() {
					problems := r.Check(p)
					if reason := policy.Exceptions()[policy.Exception{Pod: p.ID, Rule: r.Name}]; reason != "" {
						if len(problems) > 0 {
							delete(unused, policy.Exception{Pod: p.ID, Rule: r.Name})
						}
						continue
					}
					for _, problem := range problems {
						t.Errorf("%s: a pod %s: this %s", p.ID, r.Name, problem)
					}
				}
			}
		})
	}
	for e := range unused {
		t.Errorf("nothing needs the exception of %s from %q any more", e.Pod, e.Rule)
	}
}

func TestEveryIdentityIsThereAndHasNoTokenByItself(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			all := objects(t, v)
			if v.chart == "experiments" {
				// The runner's is that of the chart which gives it its rights.
				all = append(all, objects(t, variant{"chaos", "chaos-default"})...)
			}
			for _, p := range policy.Pods(all) {
				find[*corev1.ServiceAccount](t, all, p.Spec.ServiceAccountName)
			}
			for _, sa := range of[*corev1.ServiceAccount](all) {
				if !isFalse(sa.AutomountServiceAccountToken) {
					t.Errorf("ServiceAccount %s gives its token to every pod that names it", sa.Name)
				}
			}
		})
	}
}
