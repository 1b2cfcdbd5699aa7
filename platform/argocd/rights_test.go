package argocd

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

func rights(t *testing.T) objects {
	t.Helper()
	return read(t, filepath.Join(bootstrap, "rights.yaml"))
}

// roleOf returns a role of the whole cluster, by its name.
func (o objects) roleOf(t *testing.T, name string) rbacv1.ClusterRole {
	t.Helper()
	i := slices.IndexFunc(o.clusterRoles, func(r rbacv1.ClusterRole) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("there is no role %s", name)
	}
	return o.clusterRoles[i]
}

// An application is applied by the account that its project names for the destination. Without
// one, Argo CD would use its own account, which may do everything.
func TestWhoAppliesTheApplicationsOfAProject(t *testing.T) {
	settings := setting(t, "argocd-cm")
	if settings["application.sync.impersonation.enabled"] != "true" || settings["application.sync.impersonation.enforced"] != "false" {
		t.Error("accounts of projects are not used, or those of teams cannot be applied at all")
	}
	own := rights(t)
	for id, account := range map[string]string{"default": "", "bootstrap": "", "environments": "deploy-environments", "monitor": "deploy-monitor", "platform": "deploy-platform"} {
		p := projectsOf(t)[id].Spec
		var want []serviceAccount
		for _, d := range p.Destinations {
			if account != "" {
				want = append(want, serviceAccount{d.Server, d.Namespace, "argocd:" + account})
			}
		}
		if !slices.Equal(p.DestinationServiceAccounts, want) {
			t.Errorf("%s is applied by %v, want %v", id, p.DestinationServiceAccounts, want)
		}
		if account == "" {
			continue
		}
		made := slices.IndexFunc(own.accounts, func(a corev1.ServiceAccount) bool { return a.Name == account })
		if made < 0 || own.accounts[made].AutomountServiceAccountToken == nil || *own.accounts[made].AutomountServiceAccountToken {
			t.Errorf("there is no account %s, or pods may run as it", account)
		}
	}
	if len(projectsOf(t)) != 5 || len(own.accounts) != 3 {
		t.Errorf("%d projects and %d accounts are there", len(projectsOf(t)), len(own.accounts))
	}
}

// Which account has which role in which namespace.
func TestWhereAccountsHaveWhichRights(t *testing.T) {
	own := rights(t)
	var got []string
	who := func(subjects []rbacv1.Subject) string {
		var all []string
		for _, s := range subjects {
			if s.Kind != rbacv1.ServiceAccountKind || s.Namespace != "argocd" {
				t.Errorf("%+v has rights", s)
			}
			all = append(all, s.Name)
		}
		return strings.Join(all, " ")
	}
	for _, b := range own.roleBindings {
		got = append(got, b.Namespace+": "+who(b.Subjects)+" has "+b.RoleRef.Kind+" "+b.RoleRef.Name)
	}
	for _, b := range own.clusterRoleBindings {
		got = append(got, "everywhere: "+who(b.Subjects)+" has "+b.RoleRef.Kind+" "+b.RoleRef.Name)
	}
	want := []string{
		": deploy-environments has Role ballast-deploy-environments", // of argocd, as the kustomization says
		"monitor: deploy-monitor has ClusterRole ballast-deploy-workload",
		"chaos-testing: deploy-platform has ClusterRole ballast-deploy-namespace",
		"observability: deploy-platform has ClusterRole ballast-deploy-namespace",
		"monitor: deploy-platform has ClusterRole ballast-deploy-roles",
		"everywhere: deploy-environments has ClusterRole ballast-deploy-environments",
		"everywhere: deploy-platform has ClusterRole ballast-deploy-platform",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, b := range toldOf(t, sandboxCluster()).roleBindings {
		if b.Namespace == "" || b.RoleRef.Kind == "Role" && b.Namespace != "argocd" {
			t.Errorf("%s of %s is applied in %q", b.RoleRef.Kind, b.RoleRef.Name, b.Namespace)
		}
	}
}

// An account may change the cluster-wide objects that its project names, and no others.
func TestAccountsMayOfTheClusterWhatTheirProjectsName(t *testing.T) {
	own, platform := rights(t), projectsOf(t)["platform"]
	kinds := map[string]string{
		"namespaces": "Namespace", "clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding", "customresourcedefinitions": "CustomResourceDefinition",
		"mutatingwebhookconfigurations": "MutatingWebhookConfiguration", "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
	}
	may := map[resource]bool{}
	for _, rule := range own.roleOf(t, "ballast-deploy-platform").Rules {
		if len(rule.ResourceNames) == 0 || len(rule.APIGroups) != 1 || slices.Contains(rule.Verbs, "*") {
			t.Errorf("it may have all of %v", rule)
		}
		for _, r := range rule.Resources {
			for _, name := range rule.ResourceNames {
				may[resource{rule.APIGroups[0], kinds[r], name}] = true
			}
		}
	}
	for r := range may {
		// The role has one list of names for both kinds of webhooks.
		if !platform.allowsInCluster(r.Group, r.Kind, r.Name) && !strings.HasSuffix(r.Kind, "WebhookConfiguration") {
			t.Errorf("the account may have the %s %s, and the project refuses it", r.Kind, r.Name)
		}
	}
	for _, r := range platform.Spec.ClusterResourceWhitelist {
		if !may[r] && !strings.HasPrefix(r.Name, "*.") {
			t.Errorf("the project allows the %s %s, and the account may not have it", r.Kind, r.Name)
		}
	}
	environments := own.roleOf(t, "ballast-deploy-environments").Rules
	if len(environments) != 1 || !slices.Equal(environments[0].Resources, []string{"namespaces"}) || !slices.Equal(environments[0].ResourceNames, []string{"monitor"}) {
		t.Errorf("environments may have %v", environments)
	}
}

func TestAWorkloadsAccountSaysNothingOfRights(t *testing.T) {
	for _, rule := range rights(t).roleOf(t, "ballast-deploy-workload").Rules {
		for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs) {
			if slices.Contains([]string{"*", "rbac.authorization.k8s.io", "argoproj.io", "resourcequotas", "limitranges", "escalate", "bind", "impersonate", "serviceaccounts/token", "pods/exec"}, word) {
				t.Errorf("it may %v", rule)
			}
		}
	}
}

// The project of the bootstrap allows every role and binding that the bootstrap applies.
func TestTheBootstrapMayGiveTheseRights(t *testing.T) {
	p, all := projectsOf(t)["bootstrap"], toldOf(t, sandboxCluster())
	for _, r := range all.clusterRoles {
		if !p.allowsInCluster(rbacv1.GroupName, "ClusterRole", r.Name) {
			t.Errorf("its project refuses the role %s", r.Name)
		}
	}
	for _, b := range all.clusterRoleBindings {
		if !p.allowsInCluster(rbacv1.GroupName, "ClusterRoleBinding", b.Name) {
			t.Errorf("its project refuses the binding %s", b.Name)
		}
	}
	for _, b := range all.roleBindings {
		if !slices.Contains(p.Spec.Destinations, destination{inCluster, b.Namespace}) {
			t.Errorf("its project refuses namespace %s", b.Namespace)
		}
	}
	// By hand, namespaces come first: rights are given in them.
	made := map[string]bool{}
	for _, n := range read(t, filepath.Join("new", "namespaces.yaml")).namespaces {
		made[n.Metadata.Name] = true
		if len(n.Metadata.Labels)+len(n.Metadata.Annotations) > 0 {
			t.Errorf("%s is not bare: what is said of it would have two owners", n.Metadata.Name)
		}
	}
	for _, b := range rights(t).roleBindings {
		if b.Namespace != "" && !made[b.Namespace] {
			t.Errorf("on a new cluster there is no namespace %s for %s", b.Namespace, b.Name)
		}
	}
	k := read(t, filepath.Join("new", "kustomization.yaml")).kustomized[0]
	if !slices.Equal(k.Resources, []string{"namespaces.yaml", "../bootstrap"}) {
		t.Errorf("a new cluster gets %q", k.Resources)
	}
}
