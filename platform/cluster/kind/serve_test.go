package kind

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/ballast-sre/ballast/internal/image"
	"github.com/ballast-sre/ballast/platform/cluster/git"
)

func TestWhatABuilderIsTold(t *testing.T) {
	b := newBench(t)
	st := b.start(t)
	var told struct{ Registry, API string }
	if err := json.Unmarshal([]byte(read(t, b.in("told.json"))), &told); err != nil {
		t.Fatal(err)
	}
	if told.API != "https://127.0.0.1:6443" {
		t.Errorf("the API server is at %s", told.API)
	}
	// It can push, where nodes and pods cannot reach.
	if !strings.HasPrefix(told.Registry, "127.0.0.1:") || strings.HasSuffix(st.Gateway, strings.TrimPrefix(told.Registry, "127.0.0.1")) {
		t.Errorf("the registry is at %s", told.Registry)
	}
	img, err := random.Image(1<<20, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := image.Push(t.Context(), img, told.Registry+"/ballast/monitor:abc", image.Insecure()); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest(img)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := ask(t, http.MethodGet, "http://"+st.Gateway+"/v2/ballast/monitor/manifests/"+digest); status != http.StatusOK {
		t.Errorf("%d: %s", status, text)
	}
}

func TestAServiceBehindTheAPIServer(t *testing.T) {
	const want = "https://127.0.0.1:6443/api/v1/namespaces/argocd/services/argocd-webhook:http/proxy"
	for _, api := range []string{"https://127.0.0.1:6443", "https://127.0.0.1:6443/"} {
		if got := (Host{API: api}).Service("argocd", "argocd-webhook", "http"); got != want {
			t.Errorf("%s: %s", api, got)
		}
	}
}

// The webhook is the real one, and the API server as much of it as takes part.
func TestAPushIsToldThroughTheAPIServer(t *testing.T) {
	for name, tt := range map[string]struct {
		answers []int // the last one again and again
		says    string
		asked   int32
	}{
		"that takes it":                    {[]int{http.StatusOK}, "", 1},
		"that waits for the receiver":      {[]int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusOK}, "", 3},
		"that does not know who asks":      {[]int{http.StatusUnauthorized}, "tell Argo CD: 401 Unauthorized: no", 1},
		"that has no such service":         {[]int{http.StatusNotFound}, "tell Argo CD: 404 Not Found: no", 1},
		"whose receiver has its own error": {[]int{http.StatusInternalServerError}, "tell Argo CD: 500", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				i := int(asked.Add(1)) - 1
				if r.URL.Path != "/api/v1/namespaces/argocd/services/argocd-webhook:http/proxy/api/webhook" || r.Header.Get("Authorization") != "Bearer of-the-administrator" {
					t.Errorf("%s, %s", r.URL.Path, r.Header.Get("Authorization"))
				}
				if r.Header.Get("X-GitHub-Event") != "push" || !strings.HasPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=") {
					t.Errorf("what signs it is lost: %v", r.Header)
				}
				w.WriteHeader(tt.answers[min(i, len(tt.answers)-1)])
				_, _ = io.WriteString(w, "no")
			}))
			defer server.Close()
			kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
			write(t, kubeconfig, kubeconfigOf(server.URL))
			api, client, err := administrator(kubeconfig)
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			hook := git.Webhook{URL: Host{API: api}.Service("argocd", "argocd-webhook", "http") + "/api/webhook", Base: "http://git", Secret: "shared", Client: client}
			err = hook.Send(t.Context(), git.Push{Repository: "ballast", Ref: "refs/heads/main"})
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if asked.Load() != tt.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), tt.asked)
			}
		})
	}
}

func TestAKubeconfigThatLeadsNowhere(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, broken, "{")
	for name, path := range map[string]string{"there is none": filepath.Join(t.TempDir(), "absent"), "it is none": broken} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := administrator(path); err == nil || !strings.HasPrefix(err.Error(), "kubeconfig of the cluster: ") {
				t.Errorf("%v", err)
			}
		})
	}
}

// A client is sent on to where it came from, by the name that it used.
func TestTheRegistryKnowsWhatItIsCalled(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+r.URL.Path)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer behind.Close()
	transport := &http.Transport{DisableKeepAlives: true}
	transport.DialContext = dialing(behind.Listener.Addr().String())
	front := httptest.NewServer(passedOn(transport, slog.New(slog.DiscardHandler)))
	defer front.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+"/v2/x/blobs/uploads/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Location"); got != front.URL+"/v2/x/blobs/uploads/" {
		t.Errorf("%s", got)
	}
	behind.Close()
	if status, _ := ask(t, http.MethodGet, front.URL+"/v2/"); status != http.StatusBadGateway {
		t.Errorf("without a registry: %d", status)
	}
}

func TestWhatNodesMayAsk(t *testing.T) {
	registry := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "registry") })
	handler := forNodes(registry, echo{})
	for name, tt := range map[string]struct {
		method, path string
		code         int
		text         string
	}{
		"for an image":                  {http.MethodGet, "/v2/ballast/monitor/manifests/dev", http.StatusOK, "registry"},
		"whether there is one":          {http.MethodHead, "/v2/ballast/monitor/manifests/dev", http.StatusOK, "registry"},
		"for a repository":              {http.MethodGet, "/ballast.git/info/refs", http.StatusOK, "repository /ballast.git/info/refs"},
		"to write one, which asks back": {http.MethodPost, "/ballast.git/git-receive-pack", http.StatusOK, "repository /ballast.git/git-receive-pack"},
		"not to begin with an image":    {http.MethodPost, "/v2/x/blobs/uploads/", http.StatusMethodNotAllowed, "images can be pulled from here"},
		"not to add to one":             {http.MethodPatch, "/v2/x/blobs/uploads/1", http.StatusMethodNotAllowed, "images can be pulled from here"},
		"not to put one":                {http.MethodPut, "/v2/x/manifests/1", http.StatusMethodNotAllowed, "images can be pulled from here"},
		"not to remove one":             {http.MethodDelete, "/v2/x/manifests/1", http.StatusMethodNotAllowed, "images can be pulled from here"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.text) {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
		})
	}
}

// The descriptors of whoever calls it are left alone.
func TestItIsNotForPeopleToStart(t *testing.T) {
	asked := func(Host) (Repositories, error) {
		t.Error("repositories were asked for")
		return nil, os.ErrInvalid
	}
	if err := Serve(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler), asked); err == nil || !strings.Contains(err.Error(), "`cluster up` starts it") {
		t.Errorf("%v", err)
	}
}

func TestAServerThatCannotBegin(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir string)
		says    string
	}{
		"without a state":      {func(*testing.T, string) {}, stateFile},
		"without a kubeconfig": {func(t *testing.T, dir string) { write(t, filepath.Join(dir, stateFile), "{}") }, "kubeconfig of the cluster: "},
		"without repositories": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, stateFile), "{}")
			write(t, filepath.Join(dir, "kubeconfig"), kubeconfigOf("https://127.0.0.1:1"))
		}, os.ErrPermission.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			git, nodes := listener(t), listener(t)
			err := serve(t.Context(), dir, git, nodes, slog.New(slog.DiscardHandler), func(Host) (Repositories, error) { return nil, os.ErrPermission })
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if _, err := git.Accept(); err == nil {
				t.Error("somebody still listens")
			}
		})
	}
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dialing reaches one address, whatever is asked for.
func dialing(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}
