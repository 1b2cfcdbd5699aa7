package kind

import (
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
	var told struct{ Registry, User, Password, API string }
	if err := json.Unmarshal([]byte(read(t, b.in("told.json"))), &told); err != nil {
		t.Fatal(err)
	}
	if told.API != "https://127.0.0.1:6443" {
		t.Errorf("the API server is at %s", told.API)
	}
	// It can push, with a password that neither nodes nor pods have.
	if told.Registry != st.Gateway || told.Password == "" {
		t.Errorf("the registry is at %s, its user %s has the password %q", told.Registry, told.User, told.Password)
	}
	img, err := random.Image(1<<20, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := image.Push(t.Context(), img, told.Registry+"/ballast/monitor:abc", image.Insecure()); err == nil {
		t.Error("an image was pushed without a password")
	}
	if err := image.Push(t.Context(), img, told.Registry+"/ballast/monitor:abc", image.Insecure(), image.As(told.User, told.Password)); err != nil {
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
		"that does not know who asks":      {[]int{http.StatusUnauthorized}, "notify Argo CD: 401 Unauthorized: no", 1},
		"that has no such service":         {[]int{http.StatusNotFound}, "notify Argo CD: 404 Not Found: no", 1},
		"whose receiver has its own error": {[]int{http.StatusInternalServerError}, "notify Argo CD: 500", 1},
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

func TestWhatNodesReach(t *testing.T) {
	images := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "registry") })
	handler := forNodes(images, echo{})
	for path, want := range map[string]string{
		"/v2/":                              "registry",
		"/v2/ballast/monitor/manifests/dev": "registry",
		"/ballast.git/info/refs":            "repository /ballast.git/info/refs",
		"/v2.git/info/refs":                 "repository /v2.git/info/refs",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Body.String() != want {
			t.Errorf("%s is %q, want %q", path, w.Body, want)
		}
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
