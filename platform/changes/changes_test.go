package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/tests/gitrepo"
)

const (
	oneDigest   = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	otherDigest = "sha256:89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
)

// TestMain silences the loader, as main does.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// copied is this repository's platform in a repository of its own.
type copied struct {
	t   *testing.T
	dir string
}

func newCopy(t *testing.T) copied {
	t.Helper()
	gitrepo.Isolate(t)
	c := copied{t, t.TempDir()}
	for _, part := range []string{"platform/argocd", "platform/helm", "alerts", "dashboards"} {
		if err := os.CopyFS(filepath.Join(c.dir, part), os.DirFS(filepath.Join("..", "..", part))); err != nil {
			t.Fatal(err)
		}
	}
	c.git("init", "--quiet", "--initial-branch=main")
	c.commit("Add the platform")
	return c
}

func (c copied) git(args ...string) string {
	c.t.Helper()
	return gitrepo.Git(c.t, c.dir, args...)
}

// commit returns the commit of all that is in the directory.
func (c copied) commit(message string) string {
	c.t.Helper()
	c.git("add", "--all")
	c.git("commit", "--quiet", "--message="+message)
	return c.git("rev-parse", "HEAD")
}

// edit replaces text in a file, which must have it.
func (c copied) edit(file, old, with string) {
	c.t.Helper()
	file = filepath.Join(c.dir, file)
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		c.t.Fatalf("%s does not say %q", file, old)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, with)), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// pair writes what prod runs.
func (c copied) pair(revision, monitor string) string {
	c.t.Helper()
	text := "apiVersion: ballast.dev/v1alpha1\nkind: Pair\nmetadata: {name: pair, annotations: {config.kubernetes.io/local-config: \"true\"}}\nspec:\n" +
		"  revision: \"" + revision + "\"\n  images: {ballast: \"" + oneDigest + "\", monitor: \"" + monitor + "\"}\n"
	if err := os.WriteFile(filepath.Join(c.dir, environments, "prod", "pair.yaml"), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return c.commit("Promote")
}

func (c copied) changes(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(append([]string{"--root", c.dir, "--environment", "prod"}, args...), &o, &e)
	return code, o.String(), e.String()
}

// says checks what a change of the charts and of an image is said to be.
func says(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

func TestAPromotionIsSaidInObjectsAndImages(t *testing.T) {
	c := newCopy(t)
	empty := c.git("rev-parse", "HEAD")
	first := c.pair(empty, oneDigest)
	code, out, errOut := c.changes(empty, first)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	says(t, out, "- before: monitor (not-promoted-yet) has no revision", "- Deployment/monitor/monitor monitor: none → registry.invalid/ballast/monitor@"+oneDigest,
		"Deployment/monitor/monitor: is new, with 6 to 18 replicas; PodDisruptionBudget/monitor/monitor lets 1 be away",
		"Every pod keeps to the rules")

	// A chart changes, and so does the image: that is one promotion.
	c.edit("platform/helm/monitor/templates/pdb.yaml", "kind: PodDisruptionBudget", "kind: PodDisruptionBudget # as before")
	c.edit("platform/helm/shared/_ballast.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
	c.edit("platform/argocd/environments/prod/monitor.yaml", "minReplicas: 6", "minReplicas: 9")
	charts := c.commit("Change a chart")
	second := c.pair(charts, otherDigest)
	code, out, errOut = c.changes(first, second)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	says(t, out, "0 new, ", "Deployment/monitor/monitor monitor: registry.invalid/ballast/monitor@"+oneDigest+" → registry.invalid/ballast/monitor@"+otherDigest,
		"Deployment/monitor/monitor: all pods are replaced, 6 to 18 replicas → 9 to 18 replicas; PodDisruptionBudget/monitor/monitor lets 1 be away",
		"new: Deployment/monitor: a pod has a root file system that is read-only: this monitor may write to its own",
		"+        image: registry.invalid/ballast/monitor@"+otherDigest, "Nothing that outlives a pod is touched.")
	if strings.Contains(out, "### Objects\n\n~~~~diff\n~~~~") || strings.Contains(out, c.dir) || strings.Contains(out, "/ballast-changes-") {
		t.Errorf("it names what is of this machine:\n%s", out)
	}

	// A change that was merged and not promoted is none.
	if _, out, _ := c.changes(first, c.git("rev-parse", second+"~1")); strings.Contains(out, "readOnlyRootFilesystem") {
		t.Errorf("a chart that was not promoted is rendered:\n%s", out)
	}
	// A tree does as well as a commit: a promotion is looked at before it is one.
	if code, out, _ := c.changes(first, c.git("rev-parse", second+"^{tree}"), "--lines", "5"); code != exitOK || !strings.Contains(out, "lines more are left out") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, out, _ := c.changes(second, second); code != exitOK || !strings.Contains(out, "0 new, 0 changed, 0 gone") || !strings.Contains(out, "No object changes.") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestWhatCannotBeRenderedIsRefused(t *testing.T) {
	c := newCopy(t)
	base := c.git("rev-parse", "HEAD")
	first := c.pair(base, oneDigest)
	c.edit("platform/helm/monitor/values.yaml", "replicas:", "replicaz:")
	broken := c.pair(c.commit("Break the chart"), oneDigest)
	lost := c.pair("0123456789abcdef0123456789abcdef01234567", oneDigest)
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a chart that is broken":           {[]string{first, broken}, exitInvalid, "monitor, chart platform/helm/monitor of "},
		"a revision that is not there":     {[]string{first, lost}, exitInvalid, `there is no commit or tree "0123456789abcdef0123456789abcdef01234567"`},
		"a commit that is not there":       {[]string{"nowhere", first}, exitInvalid, `there is no commit or tree "nowhere"`},
		"an environment that is not there": {[]string{"--environment", "moon", first, first}, exitInvalid, "no environment moon that takes promotions"},
		"the sandbox, which takes none":    {[]string{"--environment", "sandbox", first, first}, exitInvalid, "no environment sandbox that takes promotions"},
		"one tree":                         {[]string{first}, exitUsage, "the trees before and after"},
		"no environment":                   {[]string{"--environment", "", first, first}, exitUsage, "--environment is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := c.changes(tc.args...)
			if code != tc.code || !strings.Contains(errOut, tc.says) || out != "" || strings.Contains(errOut, "/ballast-changes-") {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, tc.code, tc.says, out, errOut)
			}
		})
	}
}
