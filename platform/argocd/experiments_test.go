package argocd

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// experimentsApp is the application that puts a deploy under faults.
const experimentsApp = "experiments"

// In the sandbox somebody copies the file into the directory of the environment: it has to pass
// the checks of that directory.
func TestExperimentsOnRequestFitIntoTheSandbox(t *testing.T) {
	apps := read(t, filepath.Join("on-request", "experiments.yaml")).applications
	if len(apps) != 1 || apps[0].Metadata.Name != experimentsApp {
		t.Fatalf("%d applications, want the one of experiments", len(apps))
	}
	a := apps[0]
	staysWithin(t, projectsOf(t, environment(t, "sandbox").projects...), a.Spec, "main")
	keptAsGitSays(t, a.Metadata.Name, a.Spec)
	if a.Metadata.Annotations["argocd.argoproj.io/sync-wave"] != "3" || !slices.Equal(a.Metadata.Finalizers, []string{"resources-finalizer.argocd.argoproj.io"}) {
		t.Error("it comes before what it hits, or its Job stays when it goes")
	}
	// A revision of digits alone is text, too.
	want := []parameter{{Name: "deployed.revision", Value: "$ARGOCD_APP_REVISION", ForceString: true}}
	if got := a.Spec.all()[0].Helm.Parameters; !slices.Equal(got, want) {
		t.Errorf("its Job is named after %+v, want %+v", got, want)
	}
}

// An experiment that prod does not ask for is useless here, and one that it asks for and that
// does not run here stops every promotion.
func TestStagingRunsWhatProdAsksFor(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(environments, "prod", "promotion.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var asked struct {
		Spec struct {
			From     string
			Verdicts struct{ Experiments []string }
		}
	}
	if err := yaml.Unmarshal(text, &asked); err != nil {
		t.Fatal(err)
	}
	values := applicationOf(t, "staging", experimentsApp).Spec.Source.Helm.ValuesObject
	names, _ := values["experiments"].([]any) // none: what prod asks for is missing
	var run []string
	for _, name := range names {
		run = append(run, path.Join("chaos/experiments", fmt.Sprint(name)+".yaml"))
	}
	if asked.Spec.From != "staging" || !slices.Equal(run, asked.Spec.Verdicts.Experiments) {
		t.Errorf("it runs %q, and prod asks %s for %q", run, asked.Spec.From, asked.Spec.Verdicts.Experiments)
	}
	deployed, _ := values["deployed"].(map[string]any)
	if deployed["environment"] != "staging" {
		t.Errorf("its verdicts say that they are of %v", deployed["environment"])
	}
}

// The Job is named by what pair.yaml says, and pulls from where the cluster's Secret says.
func TestExperimentsAreOfThePairThatIsDeployed(t *testing.T) {
	const (
		revision = "0123456789abcdef0123456789abcdef01234567"
		monitor  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
		ballast  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	)
	text, err := os.ReadFile(filepath.Join(environments, "staging", "pair.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pair := strings.NewReplacer("not-promoted-yet", revision, `ballast: ""`, "ballast: "+ballast, `monitor: ""`, "monitor: "+monitor).Replace(string(text))
	c := forkedCluster("staging", "one", "https://one.example.org")
	c.annotations["ballast.dev/prometheus"] = "https://prometheus.example.org"
	apps := rendered(t, "staging", generated(t, c).Spec.Source.Kustomize, []byte(pair)).applications
	i := slices.IndexFunc(apps, func(a application) bool { return a.Metadata.Name == experimentsApp+"-one" })
	if i < 0 {
		t.Fatal("there is none")
	}
	src := apps[i].Spec.Source
	said, err := yaml.Marshal(src.Helm.ValuesObject)
	if err != nil {
		t.Fatal(err)
	}
	got := leaves(t, said)
	for at, want := range map[string]any{
		"/image/digest": ballast, "/image/repository": "registry.example.org/ballast/ballast",
		"/deployed/digest": monitor, "/deployed/repository": "registry.example.org/ballast/monitor", "/deployed/revision": revision,
		"/prometheus/url": "https://prometheus.example.org",
	} {
		if got[at] != want {
			t.Errorf("%s is %v, want %v", at, got[at], want)
		}
	}
	if src.TargetRevision != revision {
		t.Errorf("its chart is of %s", src.TargetRevision)
	}
}
