package git

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/ballast-sre/ballast/internal/image"
)

// recipe is a small platform/image: it builds ./app, so that a broken program is told
// by the compiler, and its image is a layout that is there already.
const recipe = `package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	bin, layout := flag.String("bin-dir", "", ""), flag.String("layout", "", "")
	inputs := flag.Bool("inputs", false, "")
	flag.Parse()
	if *inputs {
		fmt.Println("go.mod\napp\nplatform/image")
		return
	}
	if out, err := exec.Command("go", "build", "-o", *bin+"/app", "./app").CombinedOutput(); err != nil {
		fmt.Printf("%s", out)
		os.Exit(1)
	}
	if out, err := exec.Command("cp", "-r", os.Getenv("BALLAST_TEST_LAYOUT"), *layout).CombinedOutput(); err != nil {
		fmt.Printf("%s", out)
		os.Exit(1)
	}
}
`

// receiver is Argo CD's: it keeps what it was told, with a right signature.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	told []told
}

type told struct {
	Ref        string
	Repository struct {
		URL string `json:"html_url"`
	}
	Commits []struct{ Modified []string }
}

func (h told) String() string {
	return fmt.Sprintf("%s %s %v", h.Repository.URL, h.Ref, h.Commits)
}

func receive(t *testing.T, secret string) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if req.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) || req.Header.Get("X-GitHub-Event") != "push" {
			http.Error(w, "who are you", http.StatusBadRequest)
			return
		}
		var h told
		if err := json.Unmarshal(body, &h); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, h)
	}))
	t.Cleanup(r.Close)
	return r
}

// taken returns what was told since it was last asked.
func (r *receiver) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, h := range r.told {
		all = append(all, h.String())
	}
	r.told = nil
	return all
}

func TestAPushIsBuiltRecordedAndTold(t *testing.T) {
	files, err := image.Files(image.Accounts()...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(image.Config{Arch: runtime.GOARCH, Entrypoint: []string{"/app"}}, files)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest(img)
	if err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	if err := image.SaveLayout(img, layout); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BALLAST_TEST_LAYOUT", layout)
	store := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(store.Close)
	argocd := receive(t, "s3cret")

	b := &Builder{
		Images: []string{"app"}, Repository: "shop", Work: t.TempDir(), Registry: strings.TrimPrefix(store.URL, "http://"),
		Webhook: Webhook{URL: argocd.URL, Base: "http://git.test", Secret: "s3cret"},
	}
	s := serve(t, func(p Push, out io.Writer) error { return b.Pushed(t.Context(), p, out) })
	b.Server = s.Server

	dir := checkout(t)
	for path, text := range map[string]string{
		"go.mod": "module shop\n\ngo 1.26\n", "app/main.go": "package main\n\nfunc main() {}\n", "platform/image/main.go": recipe,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		commit(t, dir, path, text)
	}
	deployed := func() string {
		t.Helper()
		text, err := git(t, dir, "--git-dir="+s.Path(Deploy), "show", "main:app/values.yaml")
		if err != nil {
			t.Fatal(err, text)
		}
		return text
	}
	for _, step := range []struct {
		does, file, text, repository, ref string
		sees                              []string
		told                              []string
	}{
		{
			"the first push builds the image, and Argo CD is told of its digest before it is told of the push",
			"README", "hello again", "shop", "main",
			[]string{"building app (the first time", "app: " + digest + " in ", "Argo CD is told"},
			[]string{
				"http://git.test/deploy refs/heads/main [{[app/values.yaml]}]",
				"http://git.test/shop refs/heads/main [{[README app/main.go go.mod platform/image/main.go]}]",
			},
		},
		{
			"a push of what is in no image builds nothing",
			"README", "and again", "shop", "main",
			[]string{"app: unchanged", "Argo CD is told"},
			[]string{"http://git.test/shop refs/heads/main [{[README]}]"},
		},
		{
			"a program that does not build is told by the compiler, and the push is told all the same",
			"app/main.go", "package main\n\nfunc main() { nothing }\n", "shop", "main",
			[]string{"building app", "undefined: nothing", "app was not built, and what runs stays", "Argo CD is told"},
			[]string{"http://git.test/shop refs/heads/main [{[app/main.go]}]"},
		},
		{
			"another branch deploys nothing",
			"README", "aside", "shop", "aside",
			nil, nil,
		},
	} {
		t.Run(step.does, func(t *testing.T) {
			commit(t, dir, step.file, step.text)
			seen := must(t, dir, "push", s.remote(token, step.repository), "HEAD:"+step.ref)
			for _, want := range step.sees {
				if !strings.Contains(seen, want) {
					t.Errorf("the pusher does not see %q:\n%s", want, seen)
				}
			}
			if got := argocd.taken(); !reflect.DeepEqual(got, step.told) {
				t.Errorf("Argo CD was told\n%v\nwant\n%v", got, step.told)
			}
			if got := deployed(); !strings.Contains(got, "digest: "+digest+"\n") {
				t.Errorf("recorded is %q, want the digest %s", got, digest)
			}
		})
	}
}

func TestAReceiverIsWaitedForAndItsRefusalIsTold(t *testing.T) {
	p := Push{Repository: "shop", Ref: "refs/heads/main"}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil { // nobody listens there now
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		answered <- Webhook{URL: "http://" + address, Secret: "s"}.Send(t.Context(), p)
	}()
	select {
	case err := <-answered:
		t.Fatalf("nobody listens, and it is over: %v", err)
	case <-time.After(200 * time.Millisecond): // it has been refused by now
	}
	if l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", address); err != nil {
		t.Fatal(err)
	}
	r := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "wrong signature", http.StatusBadRequest)
	})}
	var work sync.WaitGroup
	work.Go(func() { _ = r.Serve(l) }) // it is closed below
	err = <-answered
	if err == nil || !strings.Contains(err.Error(), "400 Bad Request: wrong signature") {
		t.Errorf("it was refused: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	work.Wait()
}
