package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
)

// TestMain lets the test binary be the program that a repository's hook runs, and
// process 1 of a sandbox.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Subcommand {
		os.Exit(sandbox.Main(os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == HookCommand {
		if err := RunHook(context.Background(), os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const token = "t0ken"

// served is a server that runs until the test ends.
type served struct {
	*Server
	t   *testing.T
	url string

	argo *argocd // which the server's Lead asks

	mu     sync.Mutex
	pushes []Push
}

func serve(t *testing.T, answer func(Push, io.Writer) error) *served {
	t.Helper()
	backend, err := hosttools.Here("", t.Logf).GitServer(t.Context())
	if err != nil {
		t.Skip(err)
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &served{t: t, argo: &argocd{health: "Healthy"}}
	server, err := NewServer(Config{
		Backend: backend, Dir: t.TempDir(), Self: os.Args[0], Token: token, Logger: logger,
		Lead: NewLead(s.argo.list, "http://git.test", logger),
		Pushed: func(_ context.Context, p Push, out io.Writer) error {
			s.mu.Lock()
			s.pushes = append(s.pushes, p)
			s.mu.Unlock()
			return answer(p, out)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = server
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var work sync.WaitGroup
	work.Go(func() {
		if err := server.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); work.Wait() })
	return s
}

// git runs git as a developer does and returns all that is shown.
func git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=dev", "-c", "user.email=dev@ballast.invalid", "-c", "credential.helper="}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t, dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

// checkout is a repository with one commit.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, dir, "init", "--quiet", "--initial-branch=main")
	commit(t, dir, "README", "hello")
	return dir
}

func commit(t *testing.T, dir, file, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "add", ".")
	must(t, dir, "commit", "--quiet", "--message", "Change "+file)
	return must(t, dir, "rev-parse", "HEAD")
}

func (s *served) remote(password, repository string) string {
	return strings.Replace(s.url, "://", "://dev:"+password+"@", 1) + "/" + repository + ".git"
}

func TestAPushIsToldAndItsPusherSeesWhatComesOfIt(t *testing.T) {
	s := serve(t, func(_ Push, out io.Writer) error {
		fmt.Fprintln(out, "monitor: sha256:abc")
		return errors.New("the chart does not render")
	})
	dir := checkout(t)
	head := must(t, dir, "rev-parse", "HEAD")
	out := must(t, dir, "push", s.remote(token, "team/shop"), "HEAD:main")
	for _, want := range []string{"remote: monitor: sha256:abc", "remote: the chart does not render"} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher does not see %q: %s", want, out)
		}
	}
	for i := range s.pushes {
		if since := time.Since(s.pushes[i].Received); since < 0 || since > time.Minute {
			t.Errorf("received %s ago", since)
		}
		s.pushes[i].Received = time.Time{}
	}
	want := Push{Repository: "team/shop", Ref: "refs/heads/main", Old: strings.Repeat("0", 40), New: head}
	if len(s.pushes) != 1 || !reflect.DeepEqual(s.pushes[0], want) {
		t.Errorf("told of %+v, want %+v", s.pushes, want)
	}
	noise := make([]byte, 3<<20) // more than git sends in one piece
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	next := commit(t, dir, "noise", string(noise))
	must(t, dir, "push", s.remote(token, "team/shop"), "HEAD:main")
	if got := s.pushes[len(s.pushes)-1]; got.Old != head || got.New != next {
		t.Errorf("the second push is told as %+v", got)
	}
	for name, tt := range map[string]struct {
		commit, revision string
		want             bool
	}{
		"the later push has the earlier one": {head, next, true},
		"a push has itself":                  {next, next, true},
		"the earlier push lacks the later":   {next, head, false},
		"nobody knows the commit":            {strings.Repeat("1", 40), next, false},
		"no commit at all":                   {"", "", false},
	} {
		if got := s.Contains(t.Context(), "team/shop", tt.commit, tt.revision); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Reading takes nothing.
	clone := filepath.Join(t.TempDir(), "clone")
	must(t, "", "clone", "--quiet", s.url+"/team/shop.git", clone)
	if got := must(t, clone, "rev-parse", "HEAD"); got != next {
		t.Errorf("cloned %s, want %s", got, next)
	}
}

func TestWhoMayNotPush(t *testing.T) {
	s := serve(t, func(Push, io.Writer) error { return nil })
	if _, _, err := s.WriteDeploy(t.Context(), "Begin", func(tree string) error {
		return os.WriteFile(filepath.Join(tree, "README"), nil, 0o600)
	}); err != nil {
		t.Fatal(err)
	}
	dir := checkout(t)
	for name, c := range map[string]struct{ remote, says string }{
		"without a password":         {s.url + "/ballast.git", "could not read Username"},
		"with a wrong password":      {s.remote("wrong", "ballast"), "Authentication failed"},
		"into the deploy repository": {s.remote(token, "deploy"), "403"},
		"to a name that is too deep": {s.remote(token, "a/b/c"), "not found"},
		"to a name with capitals":    {s.remote(token, "Ballast"), "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := git(t, dir, "push", c.remote, "HEAD:main"); err == nil || !strings.Contains(out, c.says) {
				t.Errorf("%v, want %q: %s", err, c.says, out)
			}
		})
	}
	if len(s.pushes) > 0 {
		t.Errorf("told of %+v", s.pushes)
	}
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "deploy.git" && e.Name() != ".hook.sock" {
			t.Errorf("%s was made", e.Name())
		}
	}
}

func TestPushesComeOneAfterTheOther(t *testing.T) {
	var mu sync.Mutex
	running := 0
	s := serve(t, func(Push, io.Writer) error {
		mu.Lock()
		running++
		if running > 1 {
			t.Error("two pushes are handled at once")
		}
		mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	})
	var work sync.WaitGroup
	for i := range 4 {
		dir := checkout(t)
		work.Go(func() { must(t, dir, "push", s.remote(token, fmt.Sprintf("r%d", i)), "HEAD:main") })
	}
	work.Wait()
	if len(s.pushes) != 4 {
		t.Errorf("told of %d pushes", len(s.pushes))
	}
}

func TestTheDeployRepositoryRemembersOnlyChanges(t *testing.T) {
	s := serve(t, func(Push, io.Writer) error { return nil })
	write := func(text string) (string, string) {
		t.Helper()
		before, after, err := s.WriteDeploy(t.Context(), "Deploy", func(tree string) error {
			return os.WriteFile(filepath.Join(tree, "values.yaml"), []byte(text), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		return before, after
	}
	before, first := write("a")
	if before != "" || first == "" {
		t.Errorf("the first commit is %q after %q", first, before)
	}
	if b, a := write("a"); b != first || a != first {
		t.Errorf("nothing changed, and yet %q became %q", b, a)
	}
	if b, a := write("b"); b != first || a == first {
		t.Errorf("a change is %q after %q", a, b)
	}
	failed := errors.New("no")
	if _, _, err := s.WriteDeploy(t.Context(), "x", func(string) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("%v, want %v", err, failed)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	must(t, "", "clone", "--quiet", s.url+"/deploy.git", clone)
	if text, err := os.ReadFile(filepath.Join(clone, "values.yaml")); err != nil || string(text) != "b" {
		t.Errorf("it holds %q, %v", text, err)
	}
	if left, err := filepath.Glob(filepath.Join(s.cfg.Dir, ".deploy-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatAServerNeeds(t *testing.T) {
	if _, err := NewServer(Config{Dir: t.TempDir()}); err == nil {
		t.Error("a server without a token was made")
	}
	server, err := NewServer(Config{Dir: t.TempDir(), Self: os.Args[0], Token: token, Pushed: func(context.Context, Push, io.Writer) error { return nil }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "git-http-backend") {
		t.Errorf("a server without git's own serves: %v", err)
	}
	if err := RunHook(t.Context(), nil, strings.NewReader(""), io.Discard); err == nil {
		t.Error("a hook ran without its repository")
	}
}
