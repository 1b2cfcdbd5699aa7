//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRelease: what `make release` builds, signs and publishes is what runs.
func TestRelease(t *testing.T) {
	skipUnless(t, on.deploys != nil && on.own != nil && on.own.source() && os.Getuid() == 0, "root, and a source node of the tests' own")
	feature(t, "a release",
		check{"is published by its digest, and serves", func(ctx context.Context, t *testing.T) {
			on.deploys.owed(ctx, t)
			digest := released(ctx, t)
			on.deploys.values(t, "image: {digest: '"+digest+"'}")
			on.deploys.push(ctx, t, "Deploy a release")
			await(ctx, t, 2*time.Minute, "the released image to be rolled out", func(ctx context.Context) (bool, string) {
				d, err := on.AppsV1().Deployments(monitorNamespace).Get(ctx, "monitor", metav1.GetOptions{})
				if err != nil {
					return false, err.Error()
				}
				image := d.Spec.Template.Spec.Containers[0].Image
				return strings.HasSuffix(image, "@"+digest) && rolledOut(d), image
			})
			for _, p := range pods(ctx, t, monitorNamespace, monitorPods) {
				if got := p.Status.ContainerStatuses[0].ImageID; ready(p) && !strings.HasSuffix(got, digest) {
					t.Errorf("pod %s runs %s, want the released %s", p.Name, got, digest)
				}
			}
			if _, err := ask(ctx, monitorNamespace, "monitor:http", "api/v1/cpu"); err != nil {
				t.Errorf("the released monitor does not answer: %v", err)
			}
		}},
	)
}

// released runs `make release` in the checkout, against the cluster's registry, and returns the
// digest of the monitor. It has no database of vulnerabilities, so that the release is said to
// be not scanned.
func released(ctx context.Context, t *testing.T) (digest string) {
	t.Helper()
	tools, err := filepath.Abs("../../bin/tools")
	if err != nil {
		t.Fatal(err)
	}
	registry := registryOf(t)
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
			digest = image
		}
	}
	if !strings.HasPrefix(digest, "sha256:") {
		t.Fatalf("the release names no digest of the monitor: %s", line)
	}
	return digest
}

// registryOf leads to the registry of the node from this machine, until the test ends.
func registryOf(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "10.89.0.2:5000" // the node's own address
			r.Out.Host = r.In.Host                                      // which the registry's answers name
		},
		Transport: &http.Transport{DialContext: dialIn(on.own.pid(t))},
	})
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
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
