package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
)

// workshop is where a push is built. Nothing in it is trusted that pushed code could
// have written:
//
//	job       runs                     online  writes
//	modules   go list                  yes     modules
//	recipe    go build                 no      recipe: the program that builds images
//	an image  that program, go build   no      the image's own directory
//
// Each reads the checkout, the toolchain, the machine's modules, what the jobs above
// wrote, and has a build cache of its own that begins with the machine's. The first two
// run no pushed code.
type workshop struct {
	toolchain

	dir  string // of all jobs
	tree string // the checkout
	// modules is where modules are: the machine's, when it has all that are needed.
	modules string
	builder *Builder
}

// job is the work on one thing, with a directory of its own.
type job struct {
	name   string
	online bool
	// writes are directories beside its own.
	writes []string
}

// The jobs that build no image. The names of images have no dots.
const (
	modulesJob = ".modules"
	recipeJob  = ".recipe"
)

func (b *Builder) workshop(ctx context.Context, tree string) (*workshop, error) {
	t, err := findToolchain(ctx)
	if err != nil {
		return nil, err
	}
	w := &workshop{toolchain: t, dir: filepath.Join(b.Work, "jobs"), tree: tree, modules: t.GOMODCACHE, builder: b}
	if err := os.MkdirAll(w.root(), 0o755); err != nil {
		return nil, fmt.Errorf("builder: %w", err)
	}
	return w, nil
}

func (w *workshop) root() string { return filepath.Join(w.dir, ".root") }

// own is where a job writes what others are to read.
func (w *workshop) own(name string) string { return filepath.Join(w.dir, name, "out") }

// fetched are modules that a job has fetched.
func (w *workshop) fetched() string { return filepath.Join(w.dir, modulesJob, "modules") }

// fetch gets the modules that are missing, as the jobs after it are offline. The text
// that it returns is what Go says about those that it could not fetch.
func (w *workshop) fetch(ctx context.Context) (complaint string, err error) {
	list := []string{w.program(), "list", "-deps", "-f", "{{with .Error}}{{.}}{{end}}"}
	job := job{name: modulesJob, writes: []string{w.fetched()}}
	if err := sandbox.Own(w.fetched()); err != nil {
		return "", err
	}
	// Where the same checkout was built by its owner, nothing has to be fetched.
	if _, err := w.run(ctx, job, append(list, "./...")...); err == nil || ctx.Err() != nil {
		return "", ctx.Err()
	}
	if w.builder.Unconfined != "" { // it uses the machine's modules, and fetches them as it goes
		return "", nil
	}
	w.modules, job.online = w.fetched(), true
	complaint, err = w.run(ctx, job, append(list, "-e", "./...")...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return complaint, nil // the compiler will name what is missing, and where
	}
	return strings.TrimSpace(complaint), err
}

// run runs a command of a job in the checkout and returns what it wrote.
func (w *workshop) run(ctx context.Context, j job, args ...string) (string, error) {
	var out limited
	home, tmp := w.own(j.name), filepath.Join(w.dir, j.name, "tmp")
	// What was killed leaves what was temporary.
	if err := errors.Join(sandbox.Remove(tmp), sandbox.Own(home, tmp)); err != nil {
		return "", fmt.Errorf("builder: %w", err)
	}
	var err error
	if w.builder.Unconfined != "" {
		err = w.unconfined(ctx, home, tmp, &out, args)
	} else {
		err = w.confined(ctx, j, home, tmp, &out, args)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(args[:min(2, len(args))], " "), err)
	}
	return out.String(), err
}

func (w *workshop) confined(ctx context.Context, j job, home, tmp string, out *limited, args []string) error {
	cache, err := sandbox.OwnSeed(filepath.Join(w.dir, j.name, "cache"), hexBytes()...)
	if err != nil {
		return err
	}
	s := sandbox.Sandbox{
		Root: w.root(), ReadOnly: []string{w.GOROOT, w.tree}, Writable: append([]string{home, tmp}, j.writes...),
		Seeded: []sandbox.Seed{{Dir: cache, From: readableByAll(w.GOCACHE)}},
	}
	for _, dir := range []string{w.GOMODCACHE, w.fetched(), w.own(recipeJob)} {
		if _, err := os.Stat(dir); err == nil && !slices.Contains(s.Writable, dir) {
			s.ReadOnly = append(s.ReadOnly, dir)
		}
	}
	c := sandbox.Command{Args: args, Env: w.environment(w.modules, cache, home, tmp), Dir: w.tree, Output: out}
	if j.online {
		ca, err := trusted()
		if err != nil {
			return err
		}
		hosts, err := os.ReadFile("/etc/hosts")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.Files = map[string]string{"/etc/resolv.conf": w.builder.Resolver, "/etc/hosts": string(hosts), certificates: ca}
		c.Env, c.Online, c.Network = append(c.Env, w.online()...), true, w.builder.HostNetwork
	} else {
		c.Env = append(c.Env, w.offline()...)
	}
	return s.Run(ctx, c)
}

// unconfined runs a command as the builder's own user, with the caches of that user.
func (w *workshop) unconfined(ctx context.Context, home, tmp string, out *limited, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.tree, out, out
	// Of those that are there twice, the last one counts.
	cmd.Env = append(append(w.environment(w.GOMODCACHE, w.GOCACHE, home, tmp), w.online()...),
		"PATH="+filepath.Join(w.GOROOT, "bin")+":"+os.Getenv("PATH"), "GOPROXY="+w.GOPROXY, "SSL_CERT_FILE="+os.Getenv("SSL_CERT_FILE"))
	return cmd.Run()
}

// hexBytes are the directories of a build cache.
func hexBytes() []string {
	all := make([]string, 256)
	for i := range all {
		all[i] = fmt.Sprintf("%02x", i)
	}
	return all
}

// readableByAll is a directory whose files the user of a sandbox can read, or empty.
func readableByAll(dir string) string {
	const readable = 0o005
	if info, err := os.Stat(dir); err != nil || os.Getuid() == 0 && info.Mode().Perm()&readable != readable {
		return ""
	}
	return dir
}

// limited keeps the beginning of what a program writes: what was pushed decides how
// much that is.
type limited struct {
	kept bytes.Buffer
	cut  bool
}

const mostOutput = 256 << 10

// Write takes everything.
func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), mostOutput-l.kept.Len())
	l.kept.Write(b[:n])
	l.cut = l.cut || n < len(b)
	return len(b), nil
}

// String is what was kept.
func (l *limited) String() string {
	if l.cut {
		return l.kept.String() + "\n… and more, which is not shown\n"
	}
	return l.kept.String()
}
