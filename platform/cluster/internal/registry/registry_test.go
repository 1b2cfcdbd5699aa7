package registry

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	upstream "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/internal/image"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// dir is short enough for the path of a socket, which the name of a test need not be.
func dir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "registry-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// serve answers on a listener until the test ends.
func serve(t *testing.T, l net.Listener, handler http.Handler) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var work sync.WaitGroup
	work.Go(func() {
		if err := Serve(ctx, l, handler, silent()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); work.Wait() })
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWhatTheDoorLetsThrough(t *testing.T) {
	const read, all = "read", "all"
	passwords := map[string]string{"builder": "s3cret", "judge": "0ther", "nobody": ""}
	type auth struct{ user, password string }
	for who, tt := range map[string]struct {
		as   *auth
		lets string
	}{
		"someone who gives no name and no password":   {nil, read},
		"the builder with the password of its own":    {&auth{"builder", "s3cret"}, all},
		"another user with a password of its own":     {&auth{"judge", "0ther"}, all},
		"the builder with another's password":         {&auth{"builder", "0ther"}, read},
		"the builder with the beginning of its own":   {&auth{"builder", "s3cre"}, read},
		"the builder with no password":                {&auth{"builder", ""}, read},
		"a user that does not exist":                  {&auth{"root", "s3cret"}, read},
		"a user that does not exist, without any":     {&auth{"", ""}, read},
		"a user whose password was lost, without one": {&auth{"nobody", ""}, read},
	} {
		t.Run(who, func(t *testing.T) {
			behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					t.Error("the password is passed on")
				}
				w.WriteHeader(http.StatusTeapot)
			}))
			defer behind.Close()
			transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", behind.Listener.Addr().String())
			}}
			door := Door(transport, passwords, silent())
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "get", "MERGE"} {
				r := httptest.NewRequestWithContext(t.Context(), method, "http://registry.test/v2/ballast/monitor/manifests/dev", nil)
				if tt.as != nil {
					r.SetBasicAuth(tt.as.user, tt.as.password)
				}
				w := httptest.NewRecorder()
				door.ServeHTTP(w, r)
				want := http.StatusUnauthorized
				if tt.lets == all || method == http.MethodGet || method == http.MethodHead {
					want = http.StatusTeapot
				}
				if w.Code != want {
					t.Errorf("%s: %d, want %d: %s", method, w.Code, want, w.Body)
				}
				if w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s: the answer has no WWW-Authenticate", method)
				}
			}
		})
	}
}

// Who attaches verdicts must not be able to push what they are about.
func TestWhoAttachesVerdictsPushesNoImage(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer behind.Close()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", behind.Listener.Addr().String())
	}}
	door := Door(transport, map[string]string{Verdicts: "0ther"}, silent())
	hex := strings.Repeat("0123456789abcdef", 4)
	for name, tt := range map[string]struct {
		method, path string
		want         int
	}{
		"reading":                             {http.MethodGet, "/v2/ballast/monitor/manifests/dev", http.StatusTeapot},
		"a blob that begins":                  {http.MethodPost, "/v2/ballast/monitor/blobs/uploads/", http.StatusTeapot},
		"a blob that goes on":                 {http.MethodPatch, "/v2/ballast/monitor/blobs/uploads/1-2", http.StatusTeapot},
		"a blob that ends":                    {http.MethodPut, "/v2/ballast/monitor/blobs/uploads/1-2?digest=sha256:x", http.StatusTeapot},
		"a verdict":                           {http.MethodPut, "/v2/ballast/monitor/manifests/sha256-" + hex + ".verdict-" + hex[:24], http.StatusTeapot},
		"the list of what refers to an image": {http.MethodPut, "/v2/ballast/monitor/manifests/sha256-" + hex, http.StatusTeapot},
		"a tag":                               {http.MethodPut, "/v2/ballast/monitor/manifests/dev", http.StatusForbidden},
		"a digest":                            {http.MethodPut, "/v2/ballast/monitor/manifests/sha256:" + hex, http.StatusForbidden},
		"a signature":                         {http.MethodPut, "/v2/ballast/monitor/manifests/sha256-" + hex + ".sig", http.StatusForbidden},
		"a tag that only begins like a verdict's": {http.MethodPut, "/v2/ballast/monitor/manifests/sha256-" + hex + ".verdict-" + hex[:24] + "x", http.StatusForbidden},
		"a way around":                 {http.MethodPut, "/v2/x/blobs/uploads/../../manifests/dev", http.StatusForbidden},
		"a way around that is escaped": {http.MethodPut, "/v2/x/manifests/dev%2f..%2fsha256-" + hex, http.StatusForbidden},
		"removing a manifest":          {http.MethodDelete, "/v2/ballast/monitor/manifests/sha256-" + hex, http.StatusForbidden},
		"removing a blob":              {http.MethodDelete, "/v2/ballast/monitor/blobs/sha256:" + hex, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "http://registry.test"+tt.path, nil)
			r.SetBasicAuth(Verdicts, "0ther")
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%d, want %d: %s", w.Code, tt.want, w.Body)
			}
			r.SetBasicAuth(Verdicts, "s3cret")
			w = httptest.NewRecorder()
			door.ServeHTTP(w, r)
			if tt.method != http.MethodGet && w.Code != http.StatusUnauthorized {
				t.Errorf("with another password: %d", w.Code)
			}
		})
	}
}

func TestTheDoorLeadsToTheRegistryAlone(t *testing.T) {
	door := Door(http.DefaultTransport, nil, silent())
	for _, path := range []string{"/", "/debug/vars", "/v2", "/v1/x"} {
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// A client is sent on to where it came from, by the name that it used.
func TestTheRegistryKnowsWhatItIsCalled(t *testing.T) {
	dir := dir(t)
	serve(t, listen(t, "unix", filepath.Join(dir, Socket)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+r.URL.Path)
		w.WriteHeader(http.StatusAccepted)
	}))
	transport := Through(dir)
	defer transport.CloseIdleConnections()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://10.0.0.1:5000/v2/x/blobs/uploads/", nil)
	r.SetBasicAuth("builder", "s3cret")
	Door(transport, map[string]string{"builder": "s3cret"}, silent()).ServeHTTP(w, r)
	if got := w.Header().Get("Location"); w.Code != http.StatusAccepted || got != "http://10.0.0.1:5000/v2/x/blobs/uploads/" {
		t.Errorf("%d, %s", w.Code, got)
	}
	lost := Through(filepath.Join(dir, "absent"))
	defer lost.CloseIdleConnections()
	w = httptest.NewRecorder()
	Door(lost, nil, silent()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/", nil))
	if w.Code != http.StatusBadGateway {
		t.Errorf("without a registry: %d", w.Code)
	}
}

// The client is the one that the builder and `load-image` use.
func TestAnImageIsPushedByWhoMayAndPulledByAll(t *testing.T) {
	dir := dir(t)
	serve(t, listen(t, "unix", filepath.Join(dir, Socket)), upstream.New(upstream.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
	passwords, err := Passwords(dir)
	if err != nil {
		t.Fatal(err)
	}
	transport := Through(dir)
	t.Cleanup(transport.CloseIdleConnections)
	l := listen(t, "tcp", "127.0.0.1:0")
	serve(t, l, Door(transport, passwords, silent()))
	ref := l.Addr().String() + "/ballast/monitor:dev"
	img, err := random.Image(1<<10, 2)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{DisableKeepAlives: true}
	for name, options := range map[string][]image.Option{
		"without a credential": nil,
		"with a wrong one":     {image.As(Builder, "guess")},
	} {
		if err := image.Push(t.Context(), img, ref, append(options, image.Through(client))...); err == nil || !strings.Contains(err.Error(), "pushing takes a credential of the cluster") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := image.Push(t.Context(), img, ref, image.As(Builder, passwords[Builder]), image.Through(client)); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest(img)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: client}).Get("http://" + l.Addr().String() + "/v2/ballast/monitor/manifests/" + digest) //nolint:noctx // the server ends with the test
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s, %v: %s", res.Status, err, text)
	}
	// Whoever owns the cluster needs none.
	other, err := random.Image(1<<10, 1)
	if err != nil {
		t.Fatal(err)
	}
	direct := Through(dir)
	defer direct.CloseIdleConnections()
	if err := image.Push(t.Context(), other, "registry.node/ballast/monitor:other", image.Insecure(), image.Through(direct)); err != nil {
		t.Error(err)
	}
}

func TestEveryUserHasAPasswordOfItsOwn(t *testing.T) {
	dir := dir(t)
	first, err := Passwords(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, user := range users() {
		if info, err := os.Stat(filepath.Join(dir, "registry-"+user)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file of %s: %v, %v", user, info, err)
		}
		if first[user] == "" || seen[first[user]] {
			t.Errorf("%s has the password %q", user, first[user])
		}
		seen[first[user]] = true
	}
	if again, err := Passwords(dir); err != nil || again[Builder] != first[Builder] {
		t.Errorf("%v became %v, %v", first, again, err)
	}
	if _, err := Passwords(filepath.Join(dir, "absent")); err == nil {
		t.Error("there are passwords in no directory")
	}
}
