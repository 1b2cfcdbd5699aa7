//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/envfuncs"
)

var (
	program = flag.String("cluster", "", "the program cluster, which brings a cluster up; not needed with -kubeconfig")
	name    = flag.String("name", "e2e", "name of that cluster")
	made    = flag.String("provider", "", "what it is made of, source or kind; what this machine can do when empty")
	nodes   = flag.String("node-image", "", "image of the nodes that kind makes; kind's own when empty")
	out     = flag.String("out", "", "directory for the logs of the cluster when a test failed")
	fast    = flag.Bool("fast", false, "send loads at 1,000 requests a second, too; takes a machine that does nothing else")
	attach  = flag.Bool("attach", false, "take the cluster of that name as it runs, and leave it so")
	keep    = flag.Bool("keep", false, "leave the cluster up, and use it again the next time")
	catalog = flag.String("catalogue", "part", "which experiments to run: part, or all, which takes an hour")
	repeat  = flag.Int("repeat", 1, "with -catalogue=all: how often to repeat pod-kill and network-partition")
	cuts    = flag.Int("interruptions", 3, "how often the start of the second cluster is interrupted")
	remote  = flag.String("remote", "", "with -kubeconfig: URL to push to (`cluster remote` prints it)")
	pushes  = flag.String("push-credential", "", "with -remote: file of that name in the cluster's directory, which git reads the password from")
)

// What every test uses; set before the first one starts.
var (
	testenv env.Environment
	on      cluster
)

// cluster is what the tests run on.
type cluster struct {
	*kubernetes.Clientset
	dynamic dynamic.Interface
	config  *rest.Config
	// own is nil when the tests run on a cluster that was there before.
	own *node
	// deploys is nil when there is nowhere to push to.
	deploys *checkout
}

func TestMain(m *testing.M) {
	cfg, err := envconf.NewFromFlags()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	testenv = env.NewWithConfig(cfg)
	work, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if cfg.KubeconfigFile() == "" {
		testenv.Setup(clone(work), bringUp(work))
	} else {
		testenv.Setup(clone(work))
	}
	testenv.Setup(connect(work))
	testenv.AfterEachTest(dump)
	testenv.Finish(takeDown, func(ctx context.Context, _ *envconf.Config) (context.Context, error) {
		return ctx, os.RemoveAll(work)
	})
	os.Exit(testenv.Run(m))
}

func source(work string) string { return filepath.Join(work, "checkout") }

// clone makes a checkout of HEAD that tests may change and push. What is not
// committed is not tested, as it could not be deployed.
func clone(work string) env.Func {
	return func(ctx context.Context, _ *envconf.Config) (context.Context, error) {
		root, err := filepath.Abs(filepath.Join("..", ".."))
		if err != nil {
			return ctx, err
		}
		out, err := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "clone", "--quiet", "file://"+root, source(work)).CombinedOutput()
		if err != nil {
			return ctx, fmt.Errorf("clone the repository: %w: %s", err, out)
		}
		return ctx, nil
	}
}

func bringUp(work string) env.Func {
	return func(ctx context.Context, cfg *envconf.Config) (context.Context, error) {
		if *program == "" {
			return ctx, errors.New("-cluster is missing: the program that brings a cluster up; or give -kubeconfig; `make e2e` does it")
		}
		on.own = newNode(*program, *made, source(work))
		on.own.image = *nodes
		if *attach {
			kubeconfig, err := on.own.attach(ctx, *name)
			cfg.WithKubeconfigFile(kubeconfig)
			return ctx, err
		}
		return envfuncs.CreateCluster(on.own, *name)(ctx, cfg)
	}
}

func connect(work string) env.Func {
	return func(ctx context.Context, cfg *envconf.Config) (context.Context, error) {
		on.config = cfg.Client().RESTConfig()
		on.config.QPS, on.config.Burst = 100, 200 // the tests wait for the cluster, not for themselves
		var err error
		if on.Clientset, err = kubernetes.NewForConfig(on.config); err != nil {
			return ctx, err
		}
		if on.dynamic, err = dynamic.NewForConfig(on.config); err != nil {
			return ctx, err
		}
		url := *remote
		if on.own != nil {
			if url, err = on.own.remote(ctx); err != nil {
				return ctx, err
			}
		}
		if url != "" {
			// For a cluster of its own, `up` has done as much.
			if *pushes != "" {
				if err := helpedBy(ctx, source(work), *pushes); err != nil {
					return ctx, err
				}
			}
			on.deploys, err = newCheckout(ctx, source(work), url)
		}
		return ctx, err
	}
}

// dump copies the logs of the cluster when a test has failed, while the cluster is up.
func dump(ctx context.Context, _ *envconf.Config, t *testing.T) (context.Context, error) {
	if !t.Failed() || on.own == nil || *out == "" {
		return ctx, nil
	}
	dir := filepath.Join(*out, t.Name())
	if err := os.RemoveAll(dir); err != nil {
		return ctx, err
	}
	t.Log("the logs of the cluster are in", dir)
	return ctx, on.own.ExportLogs(ctx, dir)
}

func takeDown(ctx context.Context, cfg *envconf.Config) (context.Context, error) {
	if on.own == nil || *keep || *attach {
		return ctx, nil
	}
	return envfuncs.DestroyCluster(*name)(ctx, cfg)
}

// helpedBy lets git in a clone read the password from a file.
func helpedBy(ctx context.Context, dir, credential string) error {
	helper := `!f() { test "$1" != get || cat '` + strings.ReplaceAll(credential, "'", `'\''`) + `'; }; f`
	if out, err := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "-C", dir, "config", "credential.helper", helper).CombinedOutput(); err != nil {
		return fmt.Errorf("credential of the cluster: %w: %s", err, out)
	}
	return nil
}

// checkout is a clone that is pushed to the cluster.
type checkout struct{ dir, remote, base string }

func newCheckout(ctx context.Context, dir, remote string) (*checkout, error) {
	c := &checkout{dir: dir, remote: remote}
	// A cluster that was there before may be ahead: what is pushed must be its child.
	if _, err := c.git(ctx, "fetch", "--quiet", remote, "main"); err != nil {
		return nil, err
	}
	if _, err := c.git(ctx, "merge", "--quiet", "--strategy=ours", "--message=Go on from here", "FETCH_HEAD"); err != nil {
		return nil, err
	}
	base, err := c.git(ctx, "rev-parse", "HEAD")
	c.base = base
	return c, err
}

func (c *checkout) git(ctx context.Context, args ...string) (string, error) {
	all := append([]string{"-c", "safe.directory=*", "-c", "user.name=e2e", "-c", "user.email=e2e@ballast.invalid", "-C", c.dir}, args...)
	out, err := exec.CommandContext(ctx, "git", all...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("git %s: %w: %s", args[0], err, text)
	}
	return text, nil
}

// skipUnless ends a test that needs what this cluster does not have, with the reason.
func skipUnless(t *testing.T, has bool, what string) {
	t.Helper()
	if !has {
		t.Skipf("this needs %s", what)
	}
}
