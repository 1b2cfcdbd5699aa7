package bootstrap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

func TestTheRunnerMayReadWhatAClusterCanDoAndNothingBesideIt(t *testing.T) {
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	docs := documents(t, readers())
	if len(docs) != 2 {
		t.Fatalf("%d documents, want 2", len(docs))
	}
	for i, into := range []any{&role, &binding} {
		text, err := yaml.Marshal(docs[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Fatal(err)
		}
	}
	want := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"capabilities"}, Verbs: []string{"get"}}}
	if d := cmp.Diff(want, role.Rules); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]rbacv1.Subject{{Kind: "ServiceAccount", Name: "ballast-runner", Namespace: "chaos-testing"}}, binding.Subjects); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if binding.RoleRef.Name != role.Name || role.Namespace != "ballast-system" || binding.Namespace != role.Namespace {
		t.Errorf("%s/%s is bound to %s/%s", binding.Namespace, binding.Name, role.Namespace, role.Name)
	}
}
