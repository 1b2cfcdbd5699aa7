// Package git is what `git push` of a sandbox reaches: repositories over smart
// HTTP, a builder that turns a push into images, and the word to Argo CD.
//
//	git push ──► Server ──► post-receive hook ──► Pushed
//	                                               │ build, push image
//	                                               │ record the digest in deploy.git
//	                                               ▼
//	                                            webhook ──► Argo CD
package git

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// HookCommand is the hidden subcommand that a repository's hook runs.
const HookCommand = "__pushed"

// Deploy is the repository that only the builder writes: it holds the digests that
// the sandbox runs, so that a developer's next push stays a fast-forward.
const Deploy = "deploy"

// Push is one branch that was pushed.
type Push struct {
	Repository string // without .git
	Ref        string // refs/heads/main
	Old, New   string // commits; zeros for none
	// Received is when the repository had it.
	Received time.Time
	// Files are those that were touched, once somebody has looked.
	Files []string
}

// Config is what a Server needs. All fields are required, but for Lead; Backend is not before
// Serve.
type Config struct {
	// Backend is the path of git-http-backend, git's own server for HTTP.
	Backend string
	Dir     string // of the bare repositories
	Self    string // the program whose HookCommand calls RunHook
	Token   string // who pushes gives it as password
	// Pushed is called for every branch that was pushed, one after the other, while
	// the pusher waits: out is shown there. What it returns is shown, too; the push
	// has happened all the same.
	Pushed func(ctx context.Context, p Push, out io.Writer) error
	// Lead measures how long pushes take until they serve. Its metrics are at /metrics.
	Lead   *Lead
	Logger *slog.Logger
}

// Server serves repositories. Reading is free, pushing takes the token. A
// repository that is pushed to for the first time is made.
type Server struct {
	cfg    Config
	socket string

	mu sync.Mutex // one push at a time
}

// NewServer makes the directory. Serve starts it.
func NewServer(cfg Config) (*Server, error) {
	if cfg.Dir == "" || cfg.Self == "" || cfg.Token == "" || cfg.Pushed == nil || cfg.Logger == nil {
		return nil, errors.New("git server: directory, program, token, receiver of pushes and logger are all needed")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	return &Server{cfg: cfg, socket: filepath.Join(cfg.Dir, ".hook.sock")}, nil
}

// Serve answers on l until ctx ends, then waits for pushes under way for at most
// ten seconds.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if s.cfg.Backend == "" {
		return errors.New("git server: git-http-backend is needed to serve")
	}
	if err := os.Remove(s.socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("git server: %w", err)
	}
	hooks, err := (&net.ListenConfig{}).Listen(ctx, "unix", s.socket)
	if err != nil {
		return fmt.Errorf("git server: %w", err)
	}
	servers := []*http.Server{
		{Handler: s, ReadHeaderTimeout: 10 * time.Second},
		{Handler: http.HandlerFunc(s.hook), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }},
	}
	var work sync.WaitGroup
	errs := make([]error, len(servers))
	for i, listener := range []net.Listener{l, hooks} {
		work.Go(func() {
			if err := servers[i].Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				errs[i] = err
			}
		})
	}
	if s.cfg.Lead != nil {
		work.Go(func() { s.cfg.Lead.Run(ctx, s.Contains) })
	}
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, server := range servers {
		errs = append(errs, server.Shutdown(ending))
	}
	work.Wait()
	return errors.Join(errs...)
}

var repositoryPath = regexp.MustCompile(`^/([a-z0-9][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*)?)\.git/(info/refs|git-upload-pack|git-receive-pack)$`)

// ServeHTTP hands a request to git, once it may.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		fmt.Fprintln(w, "ok")
		return
	}
	if r.URL.Path == "/metrics" && s.cfg.Lead != nil {
		s.cfg.Lead.ServeHTTP(w, r)
		return
	}
	m := repositoryPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		http.Error(w, "there is no repository at this path; want /NAME.git", http.StatusNotFound)
		return
	}
	repository, service := m[1], m[2]
	if service == "git-receive-pack" || r.URL.Query().Get("service") == "git-receive-pack" {
		_, password, _ := r.BasicAuth()
		switch {
		case subtle.ConstantTimeCompare([]byte(password), []byte(s.cfg.Token)) != 1:
			w.Header().Set("WWW-Authenticate", `Basic realm="ballast"`)
			http.Error(w, "pushing takes the token of the cluster as password", http.StatusUnauthorized)
			return
		case repository == Deploy:
			http.Error(w, "only the builder writes this repository", http.StatusForbidden)
			return
		}
		if err := s.Create(r.Context(), repository); err != nil {
			s.cfg.Logger.Error("a repository could not be made", "repository", repository, "error", err)
			http.Error(w, "the repository could not be made", http.StatusInternalServerError)
			return
		}
	}
	body, err := spooled(r)
	if err != nil {
		s.cfg.Logger.Error("a request could not be kept", "error", err)
		http.Error(w, "the request could not be kept: is the disk full?", http.StatusInsufficientStorage)
		return
	}
	defer body.Close() //nolint:errcheck // its file has no name any more
	(&cgi.Handler{
		Path: s.cfg.Backend, Dir: s.cfg.Dir, Logger: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn), Stderr: io.Discard,
		InheritEnv: []string{"PATH", "HOME"},
		Env: []string{
			"GIT_PROJECT_ROOT=" + s.cfg.Dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=pusher",
			"GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"), "BALLAST_HOOK=" + s.cfg.Self, "BALLAST_HOOK_SOCKET=" + s.socket,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
	}).ServeHTTP(w, r)
}

// spooled gives a request of unknown length, as a large push is, a body of a known
// one: CGI needs it. The file that holds it has no name and ends with it.
func spooled(r *http.Request) (io.Closer, error) {
	if r.ContentLength >= 0 {
		return io.NopCloser(nil), nil
	}
	f, err := os.CreateTemp("", "push-")
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(f, r.Body)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err := errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.Body, r.ContentLength, r.TransferEncoding = f, n, nil
	return f, nil
}

// Path is where a repository lies.
func (s *Server) Path(repository string) string { return filepath.Join(s.cfg.Dir, repository+".git") }

// Create makes a repository, unless it is there.
func (s *Server) Create(ctx context.Context, repository string) error {
	path := s.Path(repository)
	if _, err := os.Stat(filepath.Join(path, "HEAD")); err != nil {
		if out, err := command(ctx, "", "init", "--quiet", "--bare", "--initial-branch=main", path); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	for _, setting := range [][2]string{{"http.receivepack", "true"}, {"gc.auto", "0"}, {"uploadpack.allowAnySHA1InWant", "true"}} {
		if out, err := command(ctx, path, "config", setting[0], setting[1]); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	hook := "#!/bin/sh\nexec \"$BALLAST_HOOK\" " + HookCommand + " " + repository + "\n"
	return os.WriteFile(filepath.Join(path, "hooks", "post-receive"), []byte(hook), 0o700) //nolint:gosec // git has to run it
}

// hook receives what a repository's hook was told, and lets the pusher see what
// comes of it.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	received := time.Now() // pushes before it may be built for minutes
	s.mu.Lock()
	defer s.mu.Unlock()
	out := flusher{w, http.NewResponseController(w)}
	for line := range strings.Lines(string(body)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		p := Push{Repository: strings.TrimPrefix(r.URL.Path, "/"), Old: fields[0], New: fields[1], Ref: fields[2], Received: received}
		s.cfg.Logger.Info("pushed", "repository", p.Repository, "ref", p.Ref, "commit", p.New)
		// What was begun for a push ends, whether or not its pusher waits.
		if err := s.cfg.Pushed(context.WithoutCancel(r.Context()), p, out); err != nil {
			s.cfg.Logger.Error("a push came to nothing", "repository", p.Repository, "commit", p.New, "error", err)
			fmt.Fprintln(out, err)
		}
	}
}

// flusher sends every line as it comes.
type flusher struct {
	io.Writer
	c *http.ResponseController
}

// Write sends at once.
func (f flusher) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	_ = f.c.Flush() // a pusher that is gone sees nothing
	return n, err
}

// RunHook is what HookCommand does: it tells the server what git told it, and shows
// what the server answers. args are those after the subcommand's name.
func RunHook(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	socket := os.Getenv("BALLAST_HOOK_SOCKET")
	if len(args) != 1 || socket == "" {
		return errors.New("this is the hook of a repository; git runs it")
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hook/"+args[0], stdin)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(stdout, res.Body)
	return err
}

// command runs git and returns what it wrote.
func command(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
