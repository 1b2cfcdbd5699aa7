package tenant

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/tests/mutant"
)

// TestMain silences the loader of charts, which logs every link that it follows.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

var checkout = filepath.Join("..", "..", "..", "..")

// edit replaces text in a file, which must have it.
type edit struct{ file, old, by string }

// The files of the example.
const (
	app        = "phonebook.yaml"
	deployment = "chart/templates/deployment.yaml"
	monitoring = "chart/templates/monitoring.yaml"
	values     = "chart/values.yaml"
)

// validate checks the example with edits.
func validate(t *testing.T, edits ...edit) (Summary, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(checkout, "docs", "tenant"))); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		mutant.Edit(t, filepath.Join(dir, e.file), e.old, e.by)
	}
	return Validate(Input{File: filepath.Join(dir, app), Checkout: checkout, Chart: filepath.Join(dir, "chart"), Environment: "sandbox"})
}

func TestTheExampleIsValid(t *testing.T) {
	s, err := validate(t)
	if err != nil || s != (Summary{Project: "directory", Application: "phonebook", Objects: 6, Pods: 1, Alerts: 1}) {
		t.Errorf("%+v: %v", s, err)
	}
	// Its chart is found in the checkout, too, as the file says where.
	if _, err := Validate(Input{File: filepath.Join(checkout, "docs", "tenant", app), Checkout: checkout, Environment: "sandbox"}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongIsSaidBeforeItIsPushed(t *testing.T) {
	for name, tc := range map[string]struct {
		edit edit
		says string
	}{
		// The project.
		"a field that is misspelt":        {edit{app, "sourceRepos:", "sourceRepo:"}, "sourceRepo"},
		"a kind that is not expected":     {edit{app, "kind: AppProject", "kind: ApplicationSet"}, "is not expected here"},
		"a project that is taken":         {edit{app, "name: directory\n  # There", "name: monitor\n  # There"}, `the name "monitor" is taken`},
		"every repository":                {edit{app, "[http://git.ballast-system.svc/ballast.git]", `["*"]`}, "opens more than one repository"},
		"another team's namespace":        {edit{app, "namespace: directory}]", "namespace: monitor}]"}, "namespace monitor is of project monitor"},
		"a namespace of the cluster":      {edit{app, "namespace: directory}]", "namespace: kube-system}]"}, "is the cluster's own"},
		"another cluster":                 {edit{app, "[{server: https://kubernetes.default.svc, namespace", "[{server: https://example.org, namespace"}, "want one namespace, without wildcards, of"},
		"roles":                           {edit{app, "{group: apps, kind: Deployment}", "{group: rbac.authorization.k8s.io, kind: Role}"}, `a team may not have Role of "rbac.authorization.k8s.io"`},
		"every kind":                      {edit{app, "{group: apps, kind: Deployment}", `{group: apps, kind: "*"}`}, `a team may not have * of "apps"`},
		"objects of the cluster":          {edit{app, `kind: Namespace, name: directory}`, `kind: Namespace, name: monitor}`}, `Namespace "monitor" is of the whole cluster`},
		"a project after its application": {edit{app, `sync-wave: "-1"`, `sync-wave: "4"`}, `want "-1"`},
		// The application.
		"another project":                      {edit{app, "project: directory", "project: platform"}, `"platform" is not the project of this file`},
		"a repository that the project hasn't": {edit{app, "repoURL: http://git.ballast-system.svc/ballast.git", "repoURL: https://example.org/x.git"}, `refuses "https://example.org/x.git"`},
		"a name that is taken":                 {edit{app, "name: phonebook", "name: monitor"}, `the name "monitor" is taken`},
		"before the platform":                  {edit{app, `sync-wave: "3"`, `sync-wave: "0"`}, `want "3" or more`},
		"no finalizer":                         {edit{app, "  finalizers: [resources-finalizer.argocd.argoproj.io]\n", ""}, "what was deployed stays"},
		"drift that stays":                     {edit{app, "selfHeal: true", "selfHeal: false"}, "drift does"},
		"tries that end":                       {edit{app, "limit: -1", "limit: 3"}, "want -1"},
		"pods that may be anything":            {edit{app, "enforce: restricted", "enforce: privileged"}, "want restricted"},
		"faults":                               {edit{app, "      labels: {pod-security", "      annotations: {chaos-mesh.org/inject: enabled}\n      labels: {pod-security"}, "lets experiments of the platform hit the team"},
		// The chart.
		"a value that there is not":      {edit{deployment, ".Values.image", ".Values.picture"}, "the chart does not render"},
		"a field that there is not":      {edit{deployment, "replicas:", "replicaz:"}, `the API server would not take it`},
		"a kind that the project hasn't": {edit{app, "    - {group: apps, kind: Deployment}\n", ""}, `refuses the Deployment phonebook; allow {group: "apps", kind: Deployment}`},
		"an object somewhere else":       {edit{deployment, "  name: phonebook\n", "  name: phonebook\n  namespace: monitor\n"}, "goes to namespace monitor"},
		"root":                           {edit{deployment, "runAsNonRoot: true\n        runAsUser: 10053", "runAsUser: 0"}, "pods of a restricted namespace may not have this"},
		"every system call":              {edit{deployment, "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}"}, "seccompProfile"},
		"all the memory of the node":     {edit{values, "  limits: {memory: 96Mi}", "  limits: {}"}, "may take the node's memory"},
		"an image that moves":            {edit{values, "coredns:v1.15.0", "coredns:latest"}, "runs registry.k8s.io/coredns/coredns:latest"},
		"an alert that nobody gets":      {edit{monitoring, "severity: page", "severity: warning"}, `no route takes the alert PhonebookDown with severity "warning"`},
		"an expression that is none":     {edit{monitoring, "expr: avg(up", "expr: avg((up"}, "directory:phonebook_up:ratio"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validate(t, tc.edit)
			var found document.Problems
			if !errors.As(err, &found) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

func TestEveryProblemIsSaidInOneGo(t *testing.T) {
	_, err := validate(t, edit{app, "selfHeal: true", "selfHeal: false"}, edit{monitoring, "severity: page", "severity: warning"}, edit{values, "coredns:v1.15.0", "coredns:latest"})
	var found document.Problems
	if !errors.As(err, &found) || len(found) != 3 {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNotThereIsNotTheFilesFault(t *testing.T) {
	for name, in := range map[string]Input{
		"the file":        {File: "nowhere.yaml", Checkout: checkout, Environment: "sandbox"},
		"the environment": {File: filepath.Join(checkout, "docs", "tenant", app), Checkout: checkout, Environment: "moon"},
		"the platform":    {File: filepath.Join(checkout, "docs", "tenant", app), Checkout: t.TempDir(), Environment: "sandbox"},
	} {
		_, err := Validate(in)
		var found document.Problems
		if err == nil || errors.As(err, &found) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
