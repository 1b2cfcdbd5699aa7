package argocd

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"
)

const (
	controller = "system:serviceaccount:argocd:argocd-application-controller"
	setMaker   = "system:serviceaccount:argocd:argocd-applicationset-controller"
)

// asked is a request to the API server.
type asked struct {
	user        string // the application controller's where it is empty
	object, old string // YAML; no old object: it is created
	namespace   string // argocd where it is empty
}

// policyOf returns a policy, and fails the test unless a binding enforces it everywhere.
func policyOf(t *testing.T, name string) admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	all := read(t, filepath.Join(bootstrap, "policies.yaml"))
	i := slices.IndexFunc(all.policies, func(p admissionv1.ValidatingAdmissionPolicy) bool { return p.Name == name })
	bound := slices.ContainsFunc(all.bindings, func(b admissionv1.ValidatingAdmissionPolicyBinding) bool {
		return b.Spec.PolicyName == name && b.Spec.MatchResources == nil && slices.Equal(b.Spec.ValidationActions, []admissionv1.ValidationAction{admissionv1.Deny})
	})
	if i < 0 || !bound {
		t.Fatalf("there is no policy %s, or no binding that enforces it everywhere", name)
	}
	if p := all.policies[i]; p.Spec.FailurePolicy != nil && *p.Spec.FailurePolicy == admissionv1.Fail {
		return p
	}
	t.Fatalf("%s allows what it cannot evaluate: set failurePolicy: Fail", name)
	return admissionv1.ValidatingAdmissionPolicy{}
}

// answers are the API server's reasons to refuse a request: the messages of the rules that it
// breaks. An expression that cannot be evaluated refuses as well.
func answers(t *testing.T, p admissionv1.ValidatingAdmissionPolicy, a asked) []string {
	t.Helper()
	decode := func(text string) any {
		if text == "" {
			return nil
		}
		var v map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return v
	}
	user, namespace, operation := a.user, a.namespace, "UPDATE"
	if user == "" {
		user = controller
	}
	if namespace == "" {
		namespace = "argocd"
	}
	if a.old == "" {
		operation = "CREATE"
	}
	variables := map[string]any{}
	given := map[string]any{
		"object": decode(a.object), "oldObject": decode(a.old), "variables": variables,
		"request": map[string]any{"namespace": namespace, "operation": operation, "userInfo": map[string]any{"username": user}},
	}
	env, err := cel.NewEnv(cel.Variable("object", cel.DynType), cel.Variable("oldObject", cel.DynType), cel.Variable("request", cel.DynType), cel.Variable("variables", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	evaluate := func(expression string) (any, error) {
		ast, issues := env.Compile(expression)
		if issues.Err() != nil {
			t.Fatalf("%s: %v", expression, issues.Err())
		}
		program, err := env.Program(ast)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		out, _, err := program.ContextEval(t.Context(), given)
		if err != nil {
			return nil, err
		}
		return out.Value(), nil
	}
	for _, c := range p.Spec.MatchConditions {
		switch got, err := evaluate(c.Expression); {
		case err != nil:
			return []string{err.Error()}
		case got == false:
			return nil
		}
	}
	for _, v := range p.Spec.Variables {
		if variables[v.Name], err = evaluate(v.Expression); err != nil {
			return []string{err.Error()}
		}
	}
	var refused []string
	for _, v := range p.Spec.Validations {
		if got, err := evaluate(v.Expression); err != nil || got != true {
			refused = append(refused, v.Message)
		}
	}
	return refused
}

func TestWhichApplicationMayBeInWhichProject(t *testing.T) {
	p := policyOf(t, "ballast-applications")
	app := func(name, project, rest string) string {
		return "metadata: {name: " + name + "}\nspec: {project: " + project + ", destination: {server: \"https://kubernetes.default.svc\"}" + rest + "}\n"
	}
	far := func(name, project string) string {
		return "metadata: {name: " + name + "}\nspec: {project: " + project + ", destination: {server: \"https://one.example.org\"}}\n"
	}
	for name, tt := range map[string]struct {
		a    asked
		says string // empty where it is let through
	}{
		"a team's in the team's":                               {asked{object: app("phonebook", "directory", "")}, ""},
		"a team's in that of the platform":                     {asked{object: app("phonebook", "platform", "")}, "the project platform is for"},
		"a team's in that of the monitor":                      {asked{object: app("phonebook", "monitor", "")}, "the project monitor is for"},
		"a team's in that of environments":                     {asked{object: app("environment-mine", "environments", "")}, "the project environments is for"},
		"a team's in that of the bootstrap":                    {asked{object: app("bootstrap", "bootstrap", "")}, "the project bootstrap is for"},
		"a team's in the one that Argo CD makes":               {asked{object: app("phonebook", "default", "")}, "spec.project is default, which allows nothing"},
		"one that is called almost as the platform's":          {asked{object: app("chaos-mine", "platform", "")}, "the project platform is for"},
		"the platform's on another cluster, with its suffix":   {asked{object: far("chaos-one", "platform")}, ""},
		"another one on another cluster":                       {asked{object: far("other-one", "platform")}, "the project platform is for"},
		"the monitor's on another cluster":                     {asked{object: far("probe-one", "monitor")}, ""},
		"a team's that goes over to the platform":              {asked{object: app("phonebook", "platform", ""), old: app("phonebook", "directory", "")}, "the project platform is for"},
		"an environment by its set":                            {asked{user: setMaker, object: app("environment-prod", "environments", "")}, ""},
		"something else by a set":                              {asked{user: setMaker, object: app("team", "environments", "")}, "the project environments is for"},
		"the bootstrap by its set":                             {asked{user: setMaker, object: app("bootstrap", "bootstrap", "")}, ""},
		"another one in the bootstrap's, by a set":             {asked{user: setMaker, object: app("team", "bootstrap", "")}, "the project bootstrap is for"},
		"a set in the project of the platform":                 {asked{user: setMaker, object: app("team", "platform", "")}, "the project platform is for"},
		"an environment with another source":                   {asked{object: app("environment-prod", "environments", ", source: {repoURL: b}"), old: app("environment-prod", "environments", ", source: {repoURL: a}")}, "the project environments is for"},
		"what is reported of an environment":                   {asked{object: app("environment-prod", "environments", "") + "status: {sync: {status: Synced}}\n", old: app("environment-prod", "environments", "")}, ""},
		"whatever an administrator does":                       {asked{user: "kubernetes-admin", object: app("try", "monitor", "")}, ""},
		"what is outside of Argo CD's namespace":               {asked{namespace: "elsewhere", object: app("try", "platform", "")}, ""},
		"one without a project, which the definition requires": {asked{object: "metadata: {name: x}\nspec: {destination: {}}\n"}, "project"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(answers(t, p, tt.a), "; ")
			if tt.says == "" && got != "" || !strings.Contains(got, tt.says) {
				t.Errorf("it is refused with %q, want %q", got, tt.says)
			}
		})
	}
}

// The policy and the files have the same names: otherwise a cluster would refuse an application
// that passed every other check.
func TestThePolicyKnowsThePlatformsApplications(t *testing.T) {
	p := policyOf(t, "ballast-applications")
	for _, name := range names(t) {
		for _, a := range environment(t, name).applications {
			text, err := yaml.Marshal(map[string]any{
				"metadata": map[string]any{"name": a.Metadata.Name},
				"spec":     map[string]any{"project": a.Spec.Project, "destination": map[string]any{"server": a.Spec.Destination.Server}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if refused := answers(t, p, asked{object: string(text)}); len(refused) > 0 {
				t.Errorf("%s: %s is refused: %q", name, a.Metadata.Name, refused)
			}
		}
	}
	own := setOf(t, "environments").Spec.Template
	if refused := answers(t, p, asked{user: setMaker, object: "metadata: {name: environment-x}\nspec: {project: " + own.Spec.Project + ", destination: {server: \"\"}}\n"}); len(refused) > 0 {
		t.Errorf("environments are refused: %q", refused)
	}
}

func TestWhatATeamsProjectMayAllow(t *testing.T) {
	p := policyOf(t, "ballast-projects")
	good := map[string]string{
		"sourceRepos":                "[https://git.example.org/team/app.git]",
		"destinations":               "[{server: \"https://kubernetes.default.svc\", namespace: team}]",
		"clusterResourceWhitelist":   "[{group: \"\", kind: Namespace, name: team}]",
		"namespaceResourceWhitelist": "[{group: apps, kind: Deployment}, {group: \"\", kind: ConfigMap}]",
	}
	project := func(name, key, value string) string {
		fields := maps.Clone(good)
		if fields[key] = value; value == "" {
			delete(fields, key)
		}
		text := "metadata: {name: " + name + "}\nspec:\n"
		for k, v := range fields {
			if k != "" {
				text += "  " + k + ": " + v + "\n"
			}
		}
		return text
	}
	const (
		repositories = "spec.sourceRepos of a team's project"
		namespaces   = "spec.destinations of a team's project"
		cluster      = "spec.clusterResourceWhitelist of a team's project"
		kinds        = "spec.namespaceResourceWhitelist of a team's project"
		others       = "spec.sourceNamespaces and spec.destinationServiceAccounts of a team's project"
	)
	in := func(namespace string) string {
		return "[{server: \"https://kubernetes.default.svc\", namespace: " + namespace + "}]"
	}
	for name, tt := range map[string]struct{ key, value, says string }{
		"what a team has":                       {"description", "of a team", ""},
		"nothing of the whole cluster":          {"clusterResourceWhitelist", "", ""},
		"every repository":                      {"sourceRepos", "[\"*\"]", repositories},
		"repositories of a host":                {"sourceRepos", "[\"https://git.example.org/*\"]", repositories},
		"all repositories but one":              {"sourceRepos", "[\"!https://git.example.org/x\"]", repositories},
		"one of several in braces":              {"sourceRepos", "[\"https://git.example.org/{a,b}\"]", repositories},
		"no repository":                         {"sourceRepos", "", repositories},
		"every namespace":                       {"destinations", in("\"*\""), namespaces},
		"some namespaces":                       {"destinations", in("\"team-*\""), namespaces},
		"Argo CD's namespace":                   {"destinations", in("argocd"), namespaces},
		"the monitor's namespace":               {"destinations", in("monitor"), namespaces},
		"that of observability":                 {"destinations", in("observability"), namespaces},
		"that of Chaos Mesh":                    {"destinations", in("chaos-testing"), namespaces},
		"the cluster's namespace":               {"destinations", in("kube-system"), namespaces},
		"the sandbox's repositories' namespace": {"destinations", in("ballast-system"), namespaces},
		"all but one":                           {"destinations", in("\"!team\""), namespaces},
		"every cluster":                         {"destinations", "[{server: \"*\", namespace: team}]", namespaces},
		"a cluster by its name":                 {"destinations", "[{name: in-cluster, namespace: team}]", namespaces},
		"no namespace":                          {"destinations", "[{server: \"https://kubernetes.default.svc\"}]", namespaces},
		"no destination":                        {"destinations", "", namespaces},
		"every namespace object":                {"clusterResourceWhitelist", "[{group: \"\", kind: Namespace}]", cluster},
		"another namespace object":              {"clusterResourceWhitelist", "[{group: \"\", kind: Namespace, name: monitor}]", cluster},
		"roles of the whole cluster":            {"clusterResourceWhitelist", "[{group: rbac.authorization.k8s.io, kind: ClusterRole, name: team}]", cluster},
		"everything of the whole cluster":       {"clusterResourceWhitelist", "[{group: \"*\", kind: \"*\"}]", cluster},
		"every kind, as none is listed":         {"namespaceResourceWhitelist", "", kinds},
		"every kind, by wildcard":               {"namespaceResourceWhitelist", "[{group: \"*\", kind: \"*\"}]", kinds},
		"every kind of a group":                 {"namespaceResourceWhitelist", "[{group: apps, kind: \"*\"}]", kinds},
		"roles":                                 {"namespaceResourceWhitelist", "[{group: rbac.authorization.k8s.io, kind: Role}]", kinds},
		"applications":                          {"namespaceResourceWhitelist", "[{group: argoproj.io, kind: Application}]", kinds},
		"faults":                                {"namespaceResourceWhitelist", "[{group: chaos-mesh.org, kind: PodChaos}]", kinds},
		"quotas":                                {"namespaceResourceWhitelist", "[{group: \"\", kind: ResourceQuota}]", kinds},
		"somebody else who deploys":             {"destinationServiceAccounts", "[{server: \"*\", defaultServiceAccount: \"argocd:argocd-application-controller\"}]", others},
		"nobody else who deploys":               {"destinationServiceAccounts", "[]", ""},
		"applications in other namespaces":      {"sourceNamespaces", "[team]", others},
	} {
		t.Run(name, func(t *testing.T) {
			created := answers(t, p, asked{object: project("team", tt.key, tt.value)})
			changed := answers(t, p, asked{object: project("team", tt.key, tt.value), old: project("team", "", "x")})
			if tt.says == "" {
				if len(created)+len(changed) > 0 {
					t.Errorf("it is refused: %q, %q", created, changed)
				}
				return
			}
			for _, got := range []string{strings.Join(created, "; "), strings.Join(changed, "; ")} {
				if !strings.Contains(got, tt.says) {
					t.Errorf("it is refused with %q, want %q", got, tt.says)
				}
			}
		})
	}
	bad := project("platform", "sourceRepos", "[\"*\"]")
	if refused := answers(t, p, asked{object: bad}); len(refused) > 0 {
		t.Errorf("the platform's own are held to what a team may: %q", refused)
	}
	for name, a := range map[string]asked{
		"what an administrator does":           {user: "kubernetes-admin", object: project("team", "sourceRepos", "[\"*\"]")},
		"what is only reported of a bad one":   {object: project("team", "sourceRepos", "[\"*\"]") + "status: {}\n", old: project("team", "sourceRepos", "[\"*\"]")},
		"projects of another Argo CD's":        {namespace: "elsewhere", object: project("team", "sourceRepos", "[\"*\"]")},
		"the example of a tenant as it stands": {object: tenantsProject(t)},
	} {
		if refused := answers(t, p, a); len(refused) > 0 {
			t.Errorf("%s is refused: %q", name, refused)
		}
	}
}

func tenantsProject(t *testing.T) string {
	t.Helper()
	p, _ := tenant(t)
	text, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// If the policy took a project of the platform for a team's, the next change of it would be
// refused.
func TestThePolicyKnowsThePlatformsProjects(t *testing.T) {
	p := policyOf(t, "ballast-projects")
	for name := range projectsOf(t) {
		if refused := answers(t, p, asked{object: "metadata: {name: " + name + "}\nspec: {sourceRepos: [\"*\"]}\n"}); len(refused) > 0 {
			t.Errorf("%s is held to what a team may: %q", name, refused)
		}
	}
}
