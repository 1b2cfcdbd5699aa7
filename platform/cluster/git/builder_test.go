package git

import (
	"archive/zip"
	"bytes"
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
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/ballast-sre/ballast/internal/image"
	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
)

// recipe is a small platform/image: it builds ./app, so that a broken program is told
// by the compiler, and its image is a layout that is part of the checkout.
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
	err := os.RemoveAll(*layout)
	if err == nil {
		err = os.CopyFS(*layout, os.DirFS("layout"))
	}
	if err != nil {
		fmt.Println(err)
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

// shop is a repository whose pushes are built.
type shop struct {
	*served
	builder       *Builder
	dir           string // a checkout of it
	argocd        *receiver
	digest        string // of its image
	store, secret string // the registry's address, and a file beside the builder's
}

func newShop(t *testing.T) *shop {
	t.Helper()
	files, err := image.Files(image.Accounts()...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(image.Config{Arch: runtime.GOARCH, Entrypoint: []string{"/app"}}, files)
	if err != nil {
		t.Fatal(err)
	}
	sh := &shop{argocd: receive(t, "s3cret"), dir: checkout(t)}
	if sh.digest, err = image.Digest(img); err != nil {
		t.Fatal(err)
	}
	if err := image.SaveLayout(img, filepath.Join(sh.dir, "layout")); err != nil {
		t.Fatal(err)
	}
	store := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(store.Close)
	sh.store = strings.TrimPrefix(store.URL, "http://")
	state := t.TempDir()
	sh.secret = filepath.Join(state, "push-token")
	if err := os.WriteFile(sh.secret, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	sh.builder = &Builder{
		Images: []string{"app"}, Repository: "shop", Work: filepath.Join(state, "build"), Registry: sh.store,
		Webhook: Webhook{URL: sh.argocd.URL, Base: "http://git.test", Secret: "s3cret"},
	}
	if err := sandbox.Possible(t.Context(), t.TempDir()); err != nil && os.Getuid() != 0 {
		sh.builder.Unconfined = err.Error()
	}
	sh.served = serve(t, func(p Push, out io.Writer) error { return sh.builder.Pushed(t.Context(), p, out) })
	sh.builder.Server = sh.Server
	for path, text := range map[string]string{
		"go.mod": "module shop\n\ngo 1.26\n", "app/main.go": "package main\n\nfunc main() {}\n", "platform/image/main.go": recipe,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(sh.dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		commit(t, sh.dir, path, text)
	}
	// As `up` does it, so that builds find most of what they need compiled.
	warm := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", os.DevNull, "./platform/image")
	warm.Dir, warm.Env = sh.dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := warm.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return sh
}

// push commits a file and returns what the pusher sees.
func (sh *shop) push(t *testing.T, file, text, ref string) string {
	t.Helper()
	commit(t, sh.dir, file, text)
	return must(t, sh.dir, "push", sh.remote(token, "shop"), "HEAD:"+ref)
}

func TestAPushRightAfterAnotherIsNotifiedOfTwice(t *testing.T) {
	for name, tt := range map[string]struct {
		compares time.Duration
		want     int // notifications of three pushes in a row
	}{
		"a comparison may still go on": {time.Second, 5},
		"no comparison takes so long":  {time.Nanosecond, 3},
		"nobody said how long":         {0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			argocd := receive(t, "s3cret")
			b := &Builder{Webhook: Webhook{URL: argocd.URL, Base: "http://git.test", Secret: "s3cret"}, Compares: tt.compares}
			for _, commit := range []string{"1", "2", "3"} {
				if err := b.notify(t.Context(), Push{Repository: "shop", Ref: "refs/heads/main", New: commit}); err != nil {
					t.Fatal(err)
				}
			}
			if got := argocd.taken(); len(got) != tt.want {
				t.Errorf("got %q, want %d", got, tt.want)
			}
		})
	}
}

func TestAPushIsBuiltRecordedAndTold(t *testing.T) {
	sh := newShop(t)
	digest := sh.digest
	deployed := func() string {
		t.Helper()
		text, err := git(t, sh.dir, "--git-dir="+sh.Path(Deploy), "show", "main:app/values.yaml")
		if err != nil {
			t.Fatal(err, text)
		}
		return text
	}
	if !sh.builder.Cold() {
		t.Error("it knows its image before it was built")
	}
	for _, step := range []struct {
		does, file, text, ref string
		sees                  []string
		told                  []string
	}{
		{
			"the first push builds the image, and Argo CD learns its digest before it is notified of the push",
			"README", "hello again", "main",
			[]string{"building app (the first time", "app: " + digest + " in ", "Argo CD is notified"},
			[]string{
				"http://git.test/deploy refs/heads/main [{[app/values.yaml]}]",
				"http://git.test/shop refs/heads/main [{[" + strings.Join(sh.all(t), " ") + "]}]",
			},
		},
		{
			"a push of what is in no image builds nothing",
			"README", "and again", "main",
			[]string{"app: unchanged", "Argo CD is notified"},
			[]string{"http://git.test/shop refs/heads/main [{[README]}]"},
		},
		{
			"a program that does not build is told by the compiler, and the push is told all the same",
			"app/main.go", "package main\n\nfunc main() { nothing }\n", "main",
			[]string{"building app", "undefined: nothing", "app was not built, and what runs stays", "Argo CD is notified"},
			[]string{"http://git.test/shop refs/heads/main [{[app/main.go]}]"},
		},
		{
			"another branch deploys nothing",
			"README", "aside", "aside",
			nil, nil,
		},
	} {
		t.Run(step.does, func(t *testing.T) {
			seen := sh.push(t, step.file, step.text, step.ref)
			for _, want := range step.sees {
				if !strings.Contains(seen, want) {
					t.Errorf("the pusher does not see %q:\n%s", want, seen)
				}
			}
			if got := sh.argocd.taken(); !reflect.DeepEqual(got, step.told) {
				t.Errorf("Argo CD was told\n%v\nwant\n%v", got, step.told)
			}
			if got := deployed(); !strings.Contains(got, "digest: "+digest+"\n") {
				t.Errorf("recorded is %q, want the digest %s", got, digest)
			}
		})
	}
	if got := sh.metrics(t); !strings.Contains(got, `ballast_pushes_total{outcome="not-built"} 1`) || !strings.Contains(got, `ballast_pushes_total{outcome="serving"} 0`) {
		t.Errorf("the metrics are\n%s", got)
	}
	// Argo CD deploys what was pushed, as it is in the repositories.
	commit(t, sh.dir, "app/main.go", "package main\n\nfunc main() {}\n")
	sh.push(t, "chart", "a chart", "main")
	chart := must(t, sh.dir, "rev-parse", "HEAD")
	sh.argo.runs(chart, must(t, sh.dir, "--git-dir="+sh.Path(Deploy), "rev-parse", "main"), "Healthy")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := sh.metrics(t)
		if strings.Contains(got, `ballast_push_waiting_seconds 0`) && !strings.Contains(got, `ballast_pushes_total{outcome="serving"} 0`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no push serves:\n%s", got)
		}
	}
}

// metrics are those of the server.
func (sh *shop) metrics(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, sh.url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %v", res.Status, err)
	}
	return string(text)
}

// all are the files of the checkout.
func (sh *shop) all(t *testing.T) []string {
	t.Helper()
	return strings.Split(must(t, sh.dir, "ls-files"), "\n")
}

// sandboxed skips the test where pushes are built without a sandbox.
func (sh *shop) sandboxed(t *testing.T) {
	t.Helper()
	if sh.builder.Unconfined != "" {
		t.Skipf("needs root, or a system that lets others make namespaces: %s", sh.builder.Unconfined)
	}
}

// intruder is a recipe that tries what it must not do, and prints each result.
const intruder = `package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	text, err := os.ReadFile("attempts")
	if err != nil {
		panic(err)
	}
	self, _ := os.Executable()
	os.Setenv("SELF", self)
	for line := range strings.Lines(string(text)) {
		what, of, _ := strings.Cut(strings.TrimSpace(os.ExpandEnv(line)), " ")
		var err error
		switch what {
		case "read":
			_, err = os.ReadFile(of)
		case "list":
			_, err = os.ReadDir(of)
		case "write":
			err = os.WriteFile(of, []byte("intruder"), 0o666)
		case "append":
			var f *os.File
			if f, err = os.OpenFile(of, os.O_WRONLY|os.O_APPEND, 0); err == nil {
				_, err = f.WriteString("intruder")
			}
		case "dial":
			_, err = net.DialTimeout("tcp", of, 2*time.Second)
		case "processes":
			all, _ := filepath.Glob("/proc/[0-9]*")
			if len(all) == 1 {
				err = fmt.Errorf("only its own")
			}
		}
		fmt.Printf("ATTEMPT %s %s: %v\n", what, of, err)
	}
	fmt.Printf("ENVIRONMENT %s\n", os.Environ())
	os.Exit(1)
}
`

func TestWhatAPushCannotDo(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "precious")
	t.Setenv("HTTPS_PROXY", "http://somebody:precious@proxy.test:3128")
	sh := newShop(t)
	sh.sandboxed(t)
	machine, err := findToolchain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	attempts := []string{
		"read /etc/shadow", "read /etc/passwd", "list /etc/ssl", "list " + filepath.Join(home, ".config"), "list " + filepath.Join(home, ".kube"), "list /var/lib/ballast", "list /sys", "list /usr/bin",
		"read " + sh.secret, "list " + sh.cfg.Dir, "read " + sh.builder.note("app"), "list " + filepath.Join(sh.builder.Work, "jobs", "other"),
		"list " + machine.GOCACHE, "write " + filepath.Join(machine.GOCACHE, "00", "intruder"), "append " + filepath.Join(machine.GOCACHE, "trim.txt"),
		"write " + filepath.Join(machine.GOMODCACHE, "intruder"), "write " + filepath.Join(machine.GOROOT, "intruder"), "append " + machine.program(),
		"write go.mod", "write " + filepath.Join(sh.builder.tree(), "intruder"), "append $SELF", "write " + filepath.Join(filepath.Dir(sh.builder.Work), "intruder"),
		"dial " + sh.store, "dial " + strings.TrimPrefix(sh.argocd.URL, "http://"), "dial 169.254.169.254:80", "processes",
	}
	commit(t, sh.dir, "attempts", strings.Join(attempts, "\n")+"\n")
	seen := sh.push(t, "platform/image/main.go", intruder, "main")
	if !strings.Contains(seen, "app was not built, and what runs stays") {
		t.Fatalf("the pusher sees\n%s", seen)
	}
	tried := 0
	for line := range strings.Lines(seen) {
		if _, attempt, ok := strings.Cut(line, "ATTEMPT "); ok {
			tried++
			if strings.Contains(attempt, "<nil>") {
				t.Errorf("a push can %s", attempt)
			}
		}
	}
	if tried != len(attempts) || !strings.Contains(seen, "ENVIRONMENT [") {
		t.Errorf("%d attempts of %d were made:\n%s", tried, len(attempts), seen)
	}
	if strings.Contains(seen, "precious") || strings.Contains(seen, "proxy.test") {
		t.Errorf("the build sees a secret:\n%s", seen)
	}
}

// What a build leaves is not trusted either: it is read by who can read everything.
func TestAnImageThatLeadsElsewhereIsNotPushed(t *testing.T) {
	sh := newShop(t)
	sh.sandboxed(t)
	link := strings.Replace(recipe, `os.CopyFS(*layout, os.DirFS("layout"))`, `os.Symlink("/etc", *layout)`, 1)
	if link == recipe {
		t.Fatal("the recipe is another one by now")
	}
	seen := sh.push(t, "platform/image/main.go", link, "main")
	if !strings.Contains(seen, "app was not built, and what runs stays: image: openat layout/index.json: path escapes from parent") {
		t.Errorf("the pusher sees\n%s", seen)
	}
}

// proxy serves the module example.test/dep as a module proxy does.
func proxy(t *testing.T) *httptest.Server {
	t.Helper()
	const mod = "module example.test/dep\n\ngo 1.26\n"
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for name, text := range map[string]string{"go.mod": mod, "dep.go": "package dep\n\nconst Text = \"fetched\"\n"} {
		f, err := w.Create("example.test/dep@v1.0.0/" + name)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := map[string]string{
			"v1.0.0.info": "{\"Version\":\"v1.0.0\"}", "v1.0.0.mod": mod, "v1.0.0.zip": packed.String(), "list": "v1.0.0\n",
		}[strings.TrimPrefix(r.URL.Path, "/example.test/dep/@v/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestModulesThatTheMachineLacksAreFetched(t *testing.T) {
	server, machine := proxy(t), t.TempDir()
	t.Setenv("GOPROXY", server.URL)
	t.Setenv("GONOSUMDB", "example.test")
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOMODCACHE", t.TempDir())
	sh := newShop(t)
	sh.sandboxed(t)
	for path, text := range map[string]string{
		"go.mod": "module shop\n\ngo 1.26\n\nrequire example.test/dep v1.0.0\n", "app/main.go": "package main\n\nimport \"example.test/dep\"\n\nfunc main() { println(dep.Text) }\n",
	} {
		if err := os.WriteFile(filepath.Join(sh.dir, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tidy := exec.CommandContext(t.Context(), "go", "mod", "tidy")
	tidy.Dir = sh.dir
	if out, err := tidy.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("GOMODCACHE", machine) // which does not have it
	if seen := sh.push(t, "README", "with a module", "main"); !strings.Contains(seen, "app: "+sh.digest) {
		t.Errorf("the pusher sees\n%s", seen)
	}
	if left, err := os.ReadDir(machine); err != nil || len(left) > 0 {
		t.Errorf("the machine's modules have become %v, %v", left, err)
	}
	// They stay, whether or not the proxy does.
	server.Close()
	if seen := sh.push(t, "app/main.go", "package main\n\nimport \"example.test/dep\"\n\nfunc main() { print(dep.Text) }\n", "main"); !strings.Contains(seen, "app: "+sh.digest) {
		t.Errorf("the pusher sees\n%s", seen)
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
