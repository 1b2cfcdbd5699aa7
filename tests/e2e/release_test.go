//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRelease: what `make release` builds, signs and publishes is what runs.
func TestRelease(t *testing.T) {
	skipUnless(t, on.deploys != nil && on.own != nil && on.own.source(), "a source node of the tests' own, whose registry takes images")
	feature(t, "a release",
		check{"is published by its digest, and serves", func(ctx context.Context, t *testing.T) {
			on.deploys.owed(ctx, t)
			revision, digest := released(ctx, t)
			on.deploys.values(t, "image: {digest: '"+digest+"'}")
			commit, _ := on.deploys.push(ctx, t, "Deploy a release")
			awaitDeployed(ctx, t, commit, 2*time.Minute)
			for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
				if got := p.Status.ContainerStatuses[0].ImageID; ready(p) && !strings.HasSuffix(got, digest) {
					t.Errorf("pod %s runs %s, want the released %s", p.Name, got, digest)
				}
			}
			body, err := ask(ctx, monitorNamespace, "monitor:http", "version")
			if err != nil || !strings.Contains(string(body), revision) {
				t.Errorf("the version that serves is %s, want one of %s: %v", body, revision, err)
			}
		}},
	)
}

// released runs `make release` on a commit of the checkout, against the cluster's registry, and
// returns the commit and the digest of the monitor. It has no database of vulnerabilities, so
// that the release is said to be not scanned.
func released(ctx context.Context, t *testing.T) (revision, digest string) {
	t.Helper()
	revision, err := on.deploys.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	tools, err := filepath.Abs("../../bin/tools")
	if err != nil {
		t.Fatal(err)
	}
	registry := registryOf(ctx, t)
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, "make", "release", "RELEASED=monitor", "ARCHES="+runtime.GOARCH, "UNSCANNED=1",
		"OUT="+dir, "TOOLS="+tools, "SCAN_DATABASE=file://"+filepath.Join(dir, "none"),
		"REGISTRY="+registry, "AUTH="+loginOf(t, dir, registry))
	cmd.Dir = on.deploys.dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make release: %v\n%s", err, text)
	}
	if !strings.Contains(string(text), "not scanned") {
		t.Errorf("without a database the release is not said to be not scanned:\n%s", text)
	}
	line, err := os.ReadFile(filepath.Join(dir, "release", "promote.args"))
	if err != nil {
		t.Fatal(err)
	}
	for _, arg := range strings.Fields(string(line)) {
		if image, ok := strings.CutPrefix(arg, "--image=monitor="); ok {
			_, digest, _ = strings.Cut(image, "@")
		}
	}
	if !strings.HasPrefix(digest, "sha256:") {
		t.Fatalf("the release names no digest of the monitor: %s", line)
	}
	return revision, digest
}

// registryOf is the address of the registry of the node.
func registryOf(ctx context.Context, t *testing.T) string {
	t.Helper()
	nodes, err := on.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeInternalIP {
				return a.Address + ":5000"
			}
		}
	}
	t.Fatal("no node has an address")
	return ""
}

// loginOf writes the login of who may push images, in Docker's format.
func loginOf(t *testing.T, dir, registry string) (file string) {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(on.own.dir(), "registry-builder"))
	if err != nil {
		t.Fatal(err)
	}
	login := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "builder:%s", strings.TrimSpace(string(password))))
	text, err := json.Marshal(map[string]any{"auths": map[string]any{registry: map[string]any{"auth": login}}})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "login.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
