package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	// Work is a directory for the checkout and for what is built, which stays between
	// builds. It and those above it have to be the builder's alone.
	Work string
	// Registry is HOST:PORT, spoken to in plain HTTP. Pushing there takes User and
	// Password.
	Registry, User, Password string
	Webhook                  Webhook
	// Compares is how long Argo CD may take to compare applications after a push. A push
	// that follows another one sooner is notified of twice; zero: never.
	Compares time.Duration
	// HostNetwork is a network namespace in which modules are fetched; nil is the
	// builder's own. Resolver is the resolv.conf there.
	HostNetwork *os.File
	Resolver    string
	// Unconfined says why builds run without a sandbox, and is shown to those who push.
	// Empty: they run in one.
	Unconfined string

	mu       sync.Mutex
	notified time.Time // when Argo CD last was of a push
}

// No build takes longer, and no image is larger.
const (
	mostTime  = 20 * time.Minute
	mostBytes = 2 << 30
)

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
	var deploys []Push
	if p.Repository == b.Repository {
		deploys, failed = b.images(ctx, p, out)
	}
	b.follow(p, deploys, failed)
	if err := b.notify(ctx, p); err != nil {
		return errors.Join(failed, err, errors.New("the push will be noticed later, when Argo CD looks by itself"))
	}
	fmt.Fprintln(out, "Argo CD is notified")
	return failed
}

// follow has it measured when the push serves. Of one that was not built, what runs stays.
func (b *Builder) follow(p Push, deploys []Push, failed error) {
	switch lead := b.Server.cfg.Lead; {
	case lead == nil:
	case failed != nil && len(deploys) == 0:
		lead.NotBuilt()
	default:
		lead.Follow(p, deploys...)
	}
}

// images builds every image that the push changes and records their digests. It returns what
// it pushed to the deploy repository: nothing where the images stay the same.
func (b *Builder) images(ctx context.Context, p Push, out io.Writer) ([]Push, error) {
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
		if b.Unconfined != "" {
			fmt.Fprintf(out, "what was pushed runs with all rights of the user who brought the cluster up: %s\n", b.Unconfined)
		}
	}
	if err := b.build(ctx, changed, p.New, digests, out); err != nil {
		return nil, err
	}
	before, after, err := b.record(ctx, digests, p.New)
	if err != nil {
		return nil, err
	}
	if before == after {
		return nil, nil // the same images
	}
	deploy := Push{Repository: Deploy, Ref: "refs/heads/main", Old: before, New: after}
	if deploy.Files, err = b.changed(ctx, deploy); err != nil {
		return nil, err
	}
	return []Push{deploy}, b.Webhook.Send(ctx, deploy)
}

// changed are the files that a push has touched: all when it is the first one. A file
// that was moved counts with both of its names, or what it was taken from would not be
// looked at.
func (b *Builder) changed(ctx context.Context, p Push) ([]string, error) {
	args := []string{"--git-dir=" + b.Server.Path(p.Repository), "diff", "--no-renames", "--name-only", "-z", p.Old, p.New}
	if strings.Trim(p.Old, "0") == "" {
		args = []string{"--git-dir=" + b.Server.Path(p.Repository), "ls-tree", "-r", "--name-only", "-z", p.New}
	}
	out, err := command(ctx, "", args...)
	if err != nil {
		return nil, fmt.Errorf("what was pushed: %w: %s", err, out)
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 }), nil
}

// build builds images beside each other and adds their digests to digests.
func (b *Builder) build(ctx context.Context, names []string, commit string, digests map[string]string, out io.Writer) error {
	if len(names) == 0 {
		return nil
	}
	if err := b.checkout(ctx, commit); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, mostTime, fmt.Errorf("a build took longer than %s", mostTime))
	defer cancel()
	w, err := b.workshop(ctx, b.tree())
	if err != nil {
		return err
	}
	complaint, err := w.fetch(ctx)
	if err != nil {
		return fmt.Errorf("modules: %w: %s", err, complaint)
	}
	if complaint != "" {
		complaint = "\nof its modules, go says:\n" + complaint
	}
	tool := filepath.Join(w.own(recipeJob), "image")
	if text, err := w.run(ctx, job{name: recipeJob}, w.program(), "build", "-trimpath", "-o", tool, "./platform/image"); err != nil {
		return fmt.Errorf("the recipe of the images does not build, and what runs stays: %w\n%s%s", err, text, complaint)
	}
	var mu sync.Mutex // for digests and out
	group, building := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error {
			began := time.Now()
			digest, err := b.image(building, w, tool, name, commit)
			if err != nil {
				return fmt.Errorf("%s was not built, and what runs stays: %w%s", name, errors.Join(err, context.Cause(ctx)), complaint)
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

// tree is the checkout. Who builds in a sandbox has to read it.
func (b *Builder) tree() string { return filepath.Join(b.Work, "tree") }

// checkout makes the work tree that of the commit. Files that did not change keep
// their times, so that nothing is built twice.
func (b *Builder) checkout(ctx context.Context, commit string) error {
	bare := b.Server.Path(b.Repository)
	tree := b.tree()
	if err := os.MkdirAll(tree, 0o755); err != nil {
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

// image builds one with the checkout's own recipe, tool, in a sandbox, and pushes it
// from here: what the recipe left is not trusted more than the recipe is.
func (b *Builder) image(ctx context.Context, w *workshop, tool, name, commit string) (string, error) {
	own := w.own(name)
	if text, err := w.run(ctx, job{name: name}, tool, "--bin-dir="+filepath.Join(own, "bin"), "--layout="+filepath.Join(own, "layout"), name); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	list, err := w.run(ctx, job{name: name}, tool, "--inputs", name)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, list)
	}
	digest, err := b.push(ctx, own, name, commit)
	if err != nil {
		return "", err
	}
	known, err := json.Marshal(built{Commit: commit, Inputs: strings.Fields(list), Digest: digest})
	if err != nil {
		return "", err
	}
	return digest, os.WriteFile(b.note(name), known, 0o600)
}

// push sends the image that a recipe left in a directory.
func (b *Builder) push(ctx context.Context, dir, name, commit string) (_ string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	img, err := image.Untrusted(root, "layout", mostBytes)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{} // a proxy of the environment leads elsewhere
	defer transport.CloseIdleConnections()
	if err := image.Push(ctx, img, b.Registry+"/ballast/"+name+":"+commit[:12], image.Insecure(), image.Through(transport), image.As(b.User, b.Password)); err != nil {
		return "", err
	}
	return image.Digest(img)
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
