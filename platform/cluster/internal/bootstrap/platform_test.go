package bootstrap

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/tests/executable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatAClusterIsTold(t *testing.T) {
	for name, p := range map[string]Platform{
		"as a sandbox is":                        {Environment: "sandbox", WebhookSecret: "LRYQKMBHZC5XWEP7"},
		"an environment whose name is a number":  {Environment: "2", WebhookSecret: "x"},
		"an environment whose name says yes":     {Environment: "on", WebhookSecret: "x"},
		"a secret that YAML would read as more":  {Environment: "sandbox", WebhookSecret: "': {[\n---\n#%"},
		"a secret that is no text":               {Environment: "sandbox", WebhookSecret: "\x00\xff\xfe"},
		"a secret whose base64 ends in one sign": {Environment: "sandbox", WebhookSecret: "ab"},
	} {
		t.Run(name, func(t *testing.T) {
			all := documents(t, p.secrets())
			if len(all) != 2 {
				t.Fatalf("%d secrets: %v", len(all), all)
			}
			for _, one := range all {
				if value(one, "kind") != "Secret" || value(one, "metadata", "namespace") != Namespace {
					t.Errorf("no secret of Argo CD: %v", one)
				}
			}
			webhook, cluster := all[0], all[1]
			encoded, ok := value(webhook, "data", "webhook.github.secret").(string)
			if !ok || value(webhook, "metadata", "name") != "argocd-secret" {
				t.Fatalf("the webhook's is %v", webhook)
			}
			if secret, err := base64.StdEncoding.DecodeString(encoded); err != nil || string(secret) != p.WebhookSecret {
				t.Errorf("it is %q, %v, want %q", secret, err, p.WebhookSecret)
			}
			for want, keys := range map[string][]string{
				"this-cluster":                   {"metadata", "name"},
				"cluster":                        {"metadata", "labels", "argocd.argoproj.io/secret-type"},
				p.Environment:                    {"metadata", "labels", "ballast.dev/environment"},
				"true":                           {"metadata", "labels", "ballast.dev/bootstrap"},
				Repository:                       {"metadata", "annotations", "ballast.dev/repository"},
				"main":                           {"metadata", "annotations", "ballast.dev/revision"},
				"https://kubernetes.default.svc": {"stringData", "server"},
				"in-cluster":                     {"stringData", "name"},
			} {
				if got := value(cluster, keys...); got != want {
					t.Errorf("%s is %#v, want %q", strings.Join(keys, "."), got, want)
				}
			}
			config, ok := value(cluster, "stringData", "config").(string)
			if !ok || value(documents(t, []byte(config))[0], "tlsClientConfig", "insecure") != false {
				t.Errorf("the API server is trusted as %v says", config)
			}
		})
	}
}

// reports collects what a person is told.
type reports struct {
	mu   sync.Mutex
	told []string
}

func (r *reports) report(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprintf(format, args...))
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=dev", "-c", "user.email=dev@ballast.invalid"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// checkout is a repository with one commit. The settings of who runs the test are
// not part of it.
func checkout(t *testing.T) string {
	t.Helper()
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=work")
	git(t, dir, "commit", "--quiet", "--allow-empty", "--message=Begin")
	return dir
}

// repository is the one that is pushed to, with what it does after a push.
func repository(t *testing.T, remote, script string) string {
	t.Helper()
	bare := filepath.Join(remote, "ballast.git")
	git(t, remote, "init", "--quiet", "--bare", bare)
	hooks := filepath.Join(bare, "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hooks, "post-receive"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return bare
}

func TestAPushSendsWhatIsCheckedOutAndTellsWhatComesOfIt(t *testing.T) {
	dir, remote := checkout(t), t.TempDir()
	bare := repository(t, remote, "echo 'monitor: sha256:abc'")
	var r reports
	p := Platform{Checkout: dir, Remote: remote, Report: r.report}
	if err := p.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want, got := git(t, dir, "rev-parse", "HEAD"), git(t, bare, "rev-parse", "refs/heads/main"); got != want {
		t.Errorf("main is %s, want %s", got, want)
	}
	if !slices.Equal(r.told, []string{"monitor: sha256:abc"}) {
		t.Errorf("told of %q", r.told)
	}
	// What was rewritten is deployed, too.
	git(t, dir, "commit", "--quiet", "--allow-empty", "--amend", "--message=Begin anew")
	if err := p.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want, got := git(t, dir, "rev-parse", "HEAD"), git(t, bare, "rev-parse", "refs/heads/main"); got != want {
		t.Errorf("main is %s, want %s", got, want)
	}
}

// A first build takes minutes: who waits for it sees what it does meanwhile.
func TestWhatThePusherIsToldIsToldAtOnce(t *testing.T) {
	dir, remote := checkout(t), t.TempDir()
	heard := filepath.Join(remote, "heard")
	// It goes on only when somebody has heard its first line.
	repository(t, remote, "echo first; for i in $(seq 1000); do [ -e '"+heard+"' ] && echo second && exit; sleep 0.01; done; echo nobody")
	var r reports
	p := Platform{Checkout: dir, Remote: remote, Report: func(format string, args ...any) {
		r.report(format, args...)
		write(t, heard, "")
	}}
	if err := p.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first", "second"}; !slices.Equal(r.told, want) {
		t.Errorf("told of %q, want %q", r.told, want)
	}
}

// The password goes from the helper to the server: no process has it among its
// arguments, no error names it, and the user's own helpers never hear it.
func TestAPushKeepsThePasswordToItself(t *testing.T) {
	var given atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if password == "" { // git tries without first
			w.Header().Set("WWW-Authenticate", `Basic realm="ballast"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		given.Store(user + ":" + password)
		http.Error(w, "the disk is full", http.StatusInsufficientStorage)
	}))
	defer server.Close()
	var r reports
	dir := t.TempDir()
	credential, asked, trace := filepath.Join(dir, "credential"), filepath.Join(dir, "asked"), filepath.Join(dir, "trace")
	write(t, credential, "username=ballast\npassword=t0ken\n")
	p := Platform{
		Checkout: checkout(t), Report: r.report,
		Remote: strings.Replace(server.URL, "://", "://ballast@", 1), CredentialHelper: "!f() { cat " + credential + "; }; f",
	}
	git(t, p.Checkout, "config", "credential.helper", "!f() { tee -a "+asked+"; }; f") // as a user has one
	t.Setenv("GIT_TRACE", trace)
	err := p.Push(t.Context())
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.HasPrefix(err.Error(), "git push: ") || given.Load() != "ballast:t0ken" {
		t.Fatalf("%v; the server was given %v", err, given.Load())
	}
	text, traced := os.ReadFile(trace)
	if traced != nil || !strings.Contains(string(text), "git remote-http") {
		t.Fatalf("the trace shows no commands: %v: %s", traced, text)
	}
	if strings.Contains(err.Error()+strings.Join(r.told, "\n")+string(text), "t0ken") {
		t.Errorf("everybody sees it: %v\n%s\n%s", err, r.told, text)
	}
	if text, err := os.ReadFile(asked); err == nil {
		t.Errorf("the user's own helper was called: %s", text)
	}
	p.Checkout = filepath.Join(t.TempDir(), "absent")
	if err := p.Push(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a checkout that there is not: %v", err)
	}
}

// kubectl is a program in kubectl's place, for there is no cluster that could answer
// the real one: a shell script that is called as kubectl is.
func kubectl(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubectl")
	executable.Write(t, path, "#!/bin/sh\n"+script+"\n", 0o755)
	return path
}

// until asks real processes, which no fake clock moves, until they are as they should
// be. The deadline is far off: it is only met when something is wrong.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(time.Minute); !so(); <-ticks.C {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

func TestWhatIsMissingForAnInstallation(t *testing.T) {
	dir := t.TempDir()
	manifests := filepath.Join(dir, "install.yaml")
	p := Platform{Checkout: filepath.Join("..", "..", "..", ".."), ArgoCD: manifests, Kubectl: kubectl(t, `echo "$*" >&2; exit 1`)}
	if err := p.Install(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "manifests of Argo CD: ") {
		t.Errorf("without manifests: %v", err)
	}
	write(t, manifests, "kind: [")
	if err := p.Install(t.Context()); err == nil || !strings.HasPrefix(err.Error(), manifests+": manifests: ") {
		t.Errorf("with broken ones: %v", err)
	}
	write(t, manifests, object("argocd-cm", ""))
	if err := p.Install(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "kubectl apply: exit status 1: ") {
		t.Errorf("with a cluster that refuses: %v", err)
	}
	p.Definitions = []string{dir, t.TempDir()}
	if err := p.Install(t.Context()); err == nil || err.Error() != "definitions: "+p.Definitions[1]+" holds no *.yaml" {
		t.Errorf("without definitions: %v", err)
	}
	sick := filepath.Join(p.Definitions[1], "crd.yaml")
	write(t, sick, "kind: [")
	if err := p.Install(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "definitions: "+sick+": manifests: ") {
		t.Errorf("with broken definitions: %v", err)
	}
}

func TestDefinitionsAreAppliedAllAtOnce(t *testing.T) {
	applied := filepath.Join(t.TempDir(), "applied")
	t.Setenv("APPLIED", applied)
	p := Platform{Kubectl: kubectl(t, `cat >> "$APPLIED"; echo "--- # once" >> "$APPLIED"`), Definitions: []string{t.TempDir(), t.TempDir()}}
	write(t, filepath.Join(p.Definitions[0], "b.yaml"), object("b", "")+"---\n"+object("c", ""))
	write(t, filepath.Join(p.Definitions[0], "a.yaml"), object("a", ""))
	write(t, filepath.Join(p.Definitions[0], "README.md"), "[no definition")
	write(t, filepath.Join(p.Definitions[1], "d.yaml"), object("d", ""))
	if err := p.define(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(applied)
	if err != nil {
		t.Fatal(err)
	}
	var names []any
	for _, d := range documents(t, text) {
		names = append(names, value(d, "metadata", "name"))
	}
	if d := cmp.Diff([]any{"a", "b", "c", "d"}, names); d != "" || strings.Count(string(text), "# once") != 1 {
		t.Errorf("(-want +got):\n%s%s", d, text)
	}
	p = Platform{Kubectl: kubectl(t, "exit 1")}
	if err := p.define(t.Context()); err != nil {
		t.Errorf("kubectl is called for none: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Its settings are an application: one that is there would put older ones back.
func TestWhoPutsOlderSettingsBackIsKeptStill(t *testing.T) {
	for name, tt := range map[string]struct {
		definition, app string
		want            []string
	}{
		"not on a new cluster": {"", "", []string{"get --ignore-not-found --output=name customresourcedefinitions applications.argoproj.io"}},
		"not before it is there": {"definition", "", []string{
			"get --ignore-not-found --output=name customresourcedefinitions applications.argoproj.io",
			"get --ignore-not-found --output=name applications.argoproj.io bootstrap --namespace=argocd",
		}},
		"where it is there": {"definition", "application", []string{
			"get --ignore-not-found --output=name customresourcedefinitions applications.argoproj.io",
			"get --ignore-not-found --output=name applications.argoproj.io bootstrap --namespace=argocd",
			"annotate applications.argoproj.io bootstrap --overwrite --namespace=argocd argocd.argoproj.io/skip-reconcile=true",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := filepath.Join(t.TempDir(), "asked")
			t.Setenv("ASKED", asked)
			t.Setenv("DEFINITION", tt.definition)
			t.Setenv("APPLICATION", tt.app)
			p := Platform{Kubeconfig: "k", Kubectl: kubectl(t, `shift; echo "$*" >> "$ASKED"
case "$*" in
  *customresourcedefinitions*) printf %s "$DEFINITION" ;;
  get*) printf %s "$APPLICATION" ;;
esac`)}
			if err := p.hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(asked)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, strings.Split(strings.TrimSpace(string(text)), "\n")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	p := Platform{Kubectl: kubectl(t, "echo no >&2; exit 1")}
	if err := p.hold(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "kubectl get: exit status 1: no") {
		t.Errorf("a cluster that does not answer: %v", err)
	}
}
