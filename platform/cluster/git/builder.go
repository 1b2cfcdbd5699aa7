package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/ballast-sre/ballast/internal/image"
)

// Builder makes the platform's own images of what was pushed and records their
// digests.
type Builder struct {
	Server *Server
	// Images are built by name with the pushed checkout's own platform/image.
	Images []string
	// Repository is the one that images are built from; a push to another is only
	// told to Argo CD.
	Repository string
	// Work is a directory for the checkout, which stays between builds.
	Work string
	// Registry is HOST:PORT, spoken to in plain HTTP.
	Registry string
	Webhook  Webhook
	// HostNetwork is a network namespace in which the compiler runs, so that it can
	// fetch modules; nil is the builder's own.
	HostNetwork *os.File
}

// Pushed builds what was pushed to the main branch, records it and tells Argo CD.
// It blocks until all is told. A build that fails leaves the images that run; what
// else was pushed is told all the same.
func (b *Builder) Pushed(ctx context.Context, p Push, out io.Writer) error {
	if p.Ref != "refs/heads/main" || strings.Trim(p.New, "0") == "" {
		return nil // only the main branch deploys
	}
	var err error
	if p.Files, err = b.changed(ctx, p); err != nil {
		return err
	}
	var failed error
	if p.Repository == b.Repository {
		failed = b.images(ctx, p, out)
	}
	if err := b.Webhook.Send(ctx, p); err != nil {
		return errors.Join(failed, err, errors.New("the push will be noticed later, when Argo CD looks by itself"))
	}
	fmt.Fprintln(out, "Argo CD is told")
	return failed
}

// images builds every image that the push changes and records their digests.
func (b *Builder) images(ctx context.Context, p Push, out io.Writer) error {
	digests := map[string]string{}
	var changed []string
	hint := ""
	for _, name := range b.Images {
		last, err := b.last(name)
		if err == nil && b.same(ctx, last, p.New) {
			digests[name] = last.Digest
			fmt.Fprintf(out, "%s: unchanged\n", name)
			continue
		}
		if err != nil {
			hint = " (the first time, which takes minutes where nothing of it was compiled before)"
		}
		changed = append(changed, name)
	}
	if len(changed) > 0 {
		fmt.Fprintf(out, "building %s%s\n", strings.Join(changed, " and "), hint)
	}
	if err := b.build(ctx, changed, p.New, digests, out); err != nil {
		return err
	}
	before, after, err := b.record(ctx, digests, p.New)
	if err != nil {
		return err
	}
	if before == after {
		return nil // the same images
	}
	deploy := Push{Repository: Deploy, Ref: "refs/heads/main", Old: before, New: after}
	if deploy.Files, err = b.changed(ctx, deploy); err != nil {
		return err
	}
	return b.Webhook.Send(ctx, deploy)
}

// changed are the files that a push has touched: all when it is the first one.
func (b *Builder) changed(ctx context.Context, p Push) ([]string, error) {
	args := []string{"--git-dir=" + b.Server.Path(p.Repository), "diff", "--name-only", p.Old, p.New}
	if strings.Trim(p.Old, "0") == "" {
		args = []string{"--git-dir=" + b.Server.Path(p.Repository), "ls-tree", "-r", "--name-only", p.New}
	}
	out, err := command(ctx, "", args...)
	if err != nil {
		return nil, fmt.Errorf("what was pushed: %w: %s", err, out)
	}
	return strings.Split(out, "\n"), nil
}

// build builds images beside each other and adds their digests to digests.
func (b *Builder) build(ctx context.Context, names []string, commit string, digests map[string]string, out io.Writer) error {
	if len(names) == 0 {
		return nil
	}
	if err := b.checkout(ctx, commit); err != nil {
		return err
	}
	tree, tool := filepath.Join(b.Work, b.Repository), filepath.Join(b.Work, "image")
	if text, err := b.run(ctx, tree, "go", "build", "-buildvcs=false", "-o", tool, "./platform/image"); err != nil {
		return fmt.Errorf("the recipe of the images does not build, and what runs stays: %w\n%s", err, text)
	}
	var mu sync.Mutex // for digests and out
	group, building := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error {
			began := time.Now()
			digest, err := b.image(building, tool, name, commit)
			if err != nil {
				return fmt.Errorf("%s was not built, and what runs stays: %w", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			digests[name] = digest
			fmt.Fprintf(out, "%s: %s in %.1f s\n", name, digest, time.Since(began).Seconds())
			return nil
		})
	}
	return group.Wait()
}

// built is what is known of the last image of a name.
type built struct {
	Commit string   `json:"commit"`
	Inputs []string `json:"inputs"` // files and directories that it is made of
	Digest string   `json:"digest"`
}

func (b *Builder) note(name string) string { return filepath.Join(b.Work, name+".json") }

func (b *Builder) last(name string) (built, error) {
	var last built
	text, err := os.ReadFile(b.note(name))
	if err != nil {
		return last, err
	}
	return last, json.Unmarshal(text, &last)
}

// same says whether a commit has what an image was made of: it need not be built to
// be known, which would take seconds in which somebody waits.
func (b *Builder) same(ctx context.Context, last built, commit string) bool {
	if len(last.Inputs) == 0 {
		return false
	}
	args := append([]string{"--git-dir=" + b.Server.Path(b.Repository), "diff", "--quiet", last.Commit, commit, "--"}, last.Inputs...)
	_, err := command(ctx, "", args...)
	return err == nil
}

// checkout makes the work tree that of the commit. Files that did not change keep
// their times, so that nothing is built twice.
func (b *Builder) checkout(ctx context.Context, commit string) error {
	bare := b.Server.Path(b.Repository)
	tree := filepath.Join(b.Work, b.Repository)
	if err := os.MkdirAll(tree, 0o700); err != nil {
		return fmt.Errorf("checkout: %w", err)
	}
	index := filepath.Join(b.Work, b.Repository+".index")
	for _, args := range [][]string{{"read-tree", "--reset", "-u", commit}, {"clean", "-fdxq"}} {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*", "--git-dir=" + bare, "--work-tree=" + tree}, args...)...)
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+index)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("checkout of %s: %w: %s", commit, err, text)
		}
	}
	return nil
}

// image builds one with the checkout's own recipe, tool, in the host's network, and
// pushes it from here.
func (b *Builder) image(ctx context.Context, tool, name, commit string) (string, error) {
	layout := filepath.Join(b.Work, name+".oci")
	text, err := b.run(ctx, filepath.Join(b.Work, b.Repository), tool, "--bin-dir="+filepath.Join(b.Work, "bin"), "--layout="+layout, name)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	img, err := image.FromLayout(layout)
	if err != nil {
		return "", err
	}
	if err := image.Push(ctx, img, b.Registry+"/ballast/"+name+":"+commit[:12], image.Insecure()); err != nil {
		return "", err
	}
	digest, err := image.Digest(img)
	if err != nil {
		return "", err
	}
	list, err := b.run(ctx, filepath.Join(b.Work, b.Repository), tool, "--inputs", name)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, list)
	}
	known, err := json.Marshal(built{Commit: commit, Inputs: strings.Fields(list), Digest: digest})
	if err != nil {
		return "", err
	}
	return digest, os.WriteFile(b.note(name), known, 0o600)
}

// run runs a command of the Go toolchain, or one that calls it, in the host's network.
func (b *Builder) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := b.start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s: %w", strings.Join(args[:2], " "), err)
	}
	return out.String(), nil
}

// start starts a command in the host's network namespace: a child is born into the
// namespaces of the thread that forks it.
func (b *Builder) start(cmd *exec.Cmd) error {
	if b.HostNetwork == nil {
		return cmd.Start()
	}
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and nobody else gets it.
		runtime.LockOSThread()
		if err := unix.Setns(int(b.HostNetwork.Fd()), unix.CLONE_NEWNET); err != nil {
			failed <- fmt.Errorf("enter the host's network: %w", err)
			return
		}
		failed <- cmd.Start()
	}()
	return <-failed
}

// record writes the digests into the deploy repository, a file for each image, and
// returns the commits before and after; they are equal when nothing is new.
func (b *Builder) record(ctx context.Context, digests map[string]string, source string) (before, after string, err error) {
	return b.Server.WriteDeploy(ctx, "Deploy "+source, func(tree string) error {
		for name, digest := range digests {
			path := filepath.Join(tree, name, "values.yaml")
			if unchanged(path, digest) {
				continue
			}
			text := fmt.Sprintf("# Written by the builder from commit %s.\nimage:\n  digest: %s\n", source, digest)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// unchanged says whether a values file holds the digest already.
func unchanged(path, digest string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(text), "digest: "+digest+"\n")
}
