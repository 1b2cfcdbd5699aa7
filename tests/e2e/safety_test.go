//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dialIn reaches addresses of the network namespace of a process.
func dialIn(pid int) func(ctx context.Context, network, address string) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		done := make(chan dialed)
		go func() {
			// Never unlocked: the thread ends with the goroutine, and nobody else gets it.
			runtime.LockOSThread()
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
			if err != nil {
				done <- dialed{err: err}
				return
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				done <- dialed{err: err}
				return
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			done <- dialed{conn, err}
		}()
		d := <-done
		return d.conn, d.err
	}
}

// pid is a process in a source node's namespaces.
func (n *node) pid(t *testing.T) int {
	t.Helper()
	var state struct {
		PID int `json:"pid"`
	}
	text, err := os.ReadFile(filepath.Join(n.dir(), "state.json"))
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state.PID
}

// TestTheRegistryTakesNoImageFromPods asks from where the node itself does, as a pod
// with hostNetwork would.
func TestTheRegistryTakesNoImageFromPods(t *testing.T) {
	skipUnless(t, on.own != nil && on.own.source() && os.Getuid() == 0, "root, and a source node of the tests' own")
	client := &http.Client{Transport: &http.Transport{DialContext: dialIn(on.own.pid(t)), DisableKeepAlives: true}, Timeout: 10 * time.Second}
	password, err := os.ReadFile(filepath.Join(on.own.dir(), "registry-builder"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context, t *testing.T, method, path, password string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, "http://10.89.0.2:5000"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("builder", password)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	feature(t, "the registry",
		check{"lets everybody pull", func(ctx context.Context, t *testing.T) {
			if got := ask(ctx, t, http.MethodGet, "/v2/library/pause/tags/list", ""); got != http.StatusOK && got != http.StatusNotFound {
				t.Errorf("it answers %d", got)
			}
		}},
		check{"takes images from those with a credential alone", func(ctx context.Context, t *testing.T) {
			for sentence, tt := range map[string]struct {
				method, path, password string
				want                   int
			}{
				"a push without a credential":            {http.MethodPost, "/v2/ballast/monitor/blobs/uploads/", "", http.StatusUnauthorized},
				"a push with a wrong one":                {http.MethodPost, "/v2/ballast/monitor/blobs/uploads/", "guess", http.StatusUnauthorized},
				"a manifest without a credential":        {http.MethodPut, "/v2/ballast/monitor/manifests/dev", "", http.StatusUnauthorized},
				"a removal without a credential":         {http.MethodDelete, "/v2/ballast/monitor/manifests/dev", "", http.StatusUnauthorized},
				"a push with the builder's own":          {http.MethodPost, "/v2/ballast/monitor/blobs/uploads/", string(password), http.StatusAccepted},
				"a request for what is not the registry": {http.MethodGet, "/debug/vars", "", http.StatusNotFound},
			} {
				if got := ask(ctx, t, tt.method, tt.path, tt.password); got != tt.want {
					t.Errorf("%s is answered with %d, want %d", sentence, got, tt.want)
				}
			}
		}},
	)
}

// TestThePasswordOfPushesIsForGitAlone looks where everybody can.
func TestThePasswordOfPushesIsForGitAlone(t *testing.T) {
	skipUnless(t, on.own != nil && on.deploys != nil, "a cluster of the tests' own")
	feature(t, "the password of pushes",
		check{"is in no file that others read, and among no process's arguments", func(_ context.Context, t *testing.T) {
			password, err := os.ReadFile(filepath.Join(on.own.dir(), "push-token"))
			if err != nil {
				t.Fatal(err)
			}
			config, err := os.ReadFile(filepath.Join(on.deploys.dir, ".git", "config"))
			if err != nil || strings.Contains(string(config), string(password)) || !strings.Contains(string(config), "/ballast/"+on.own.name) {
				t.Errorf("the checkout is configured with %v\n%s", err, config)
			}
			info, err := os.Stat(filepath.Join(on.deploys.dir, ".git", "ballast", on.own.name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file with the password: %v, %v", info, err)
			}
			lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				if text, err := os.ReadFile(line); err == nil && strings.Contains(string(text), string(password)) { // what has ended has none
					t.Errorf("%s: %q", line, text)
				}
			}
		}},
	)
}
