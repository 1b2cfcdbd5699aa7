//go:build integration && linux

package integration

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ballast-sre/ballast/tests/gitrepo"
)

// newRegistry starts a registry and returns its address.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// pushed is the digest of an image that was pushed to a repository.
func pushed(t *testing.T, repository string) string {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(repository + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	// A transport of its own, as what the default one keeps open outlives the test.
	transport := &http.Transport{DisableKeepAlives: true}
	if err := remote.Write(tag, img, remote.WithContext(t.Context()), remote.WithTransport(transport)); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// platform is a repository with the environments of this one.
type platform struct {
	t        *testing.T
	dir      string
	revision string // of its only commit
}

// newPlatform makes one. edit changes its files before they are committed; nil: nothing is.
func newPlatform(t *testing.T, edit func(dir string)) platform {
	t.Helper()
	gitrepo.Isolate(t)
	p := platform{t: t, dir: t.TempDir()}
	for _, part := range []string{"platform/argocd", "platform/helm", "alerts", "dashboards", "chaos/experiments"} {
		if err := os.CopyFS(filepath.Join(p.dir, part), os.DirFS(filepath.Join(repository, part))); err != nil {
			t.Fatal(err)
		}
	}
	if edit != nil {
		edit(p.dir)
	}
	p.run("git", "init", "--quiet", "--initial-branch=main")
	p.run("git", "add", "--all")
	p.run("git", "commit", "--quiet", "--message=Add the platform")
	p.revision, _, _ = p.run("git", "rev-parse", "HEAD")
	return p
}

// run runs a program in the repository.
func (p platform) run(name string, args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), name, args...)
	cmd.Dir = p.dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(out.String()), errOut.String(), cmd.ProcessState.ExitCode()
}

// The runner and the program that knows charts, on the environments of this repository.
func TestABuildIsPromotedToTheFirstEnvironment(t *testing.T) {
	p := newPlatform(t, nil)
	program, revision := p.run, p.revision
	place := newRegistry(t)
	args := []string{"promote", "--registry", place, "--changes", filepath.Join(binaries, "changes"), "--to", "dev", "--revision", revision}
	for _, image := range []string{"monitor", "ballast"} {
		args = append(args, "--image", image+"="+pushed(t, place+"/ballast/"+image))
	}
	began := time.Now()
	out, errOut, code := program(filepath.Join(binaries, "ballast"), args...)
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	t.Logf("a promotion took %s", time.Since(began).Round(time.Millisecond))
	message, _, _ := program("git", "log", "-1", "--format=%B")
	for _, want := range []string{"Promote " + revision[:12] + " to dev", "## What changes in dev", "Deployment/monitor/monitor: is new, with 3 replicas", "Every pod keeps to the rules of pod security."} {
		if !strings.Contains(message, want) {
			t.Errorf("%q is not said:\n%s", want, message)
		}
	}
	if changed, _, _ := program("git", "diff", "--name-only", revision, "HEAD"); changed != "platform/argocd/environments/dev/pair.yaml" {
		t.Errorf("it changed %q", changed)
	}
	// What nothing has shown goes no further.
	_, errOut, code = program(filepath.Join(binaries, "ballast"), "promote", "--registry", place, "--changes", filepath.Join(binaries, "changes"), "--from", "dev", "--to", "staging")
	if code != 3 || !strings.Contains(errOut, "inconclusive monitor-pod-kill: no verdict of it is attached") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
