package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
)

// component is one or several programs that are built from one module, which
// platform/cluster/components/<name>/go.mod pins.
type component struct {
	name     string
	programs []string // as `go install` names them
	ldflags  string
	tags     []string
	// cgo is for programs with parts in C. They are linked statically all the same, for
	// they run on images of another libc or of none.
	cgo bool
	// objects are C sources of a module whose compiled form its Go code embeds, and
	// which upstream's own build puts beside them: module → files.
	objects map[string][]string
	// cold is about how long a first build takes on two cores after those before it,
	// for the progress.
	cold time.Duration
}

// components of a node, in the order in which they are built: what the node needs
// to start comes first.
func components() []component {
	const version = "k8s.io/component-base/version."
	return []component{
		{
			name: "kubernetes", programs: []string{"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubeadm", "kubectl", "kubelet"},
			ldflags: "-X " + version + "gitVersion=" + KubernetesVersion + " -X " + version + "gitMajor=1 -X " + version + "gitMinor=34", cold: 390 * time.Second,
		},
		{name: "etcd", programs: []string{"server"}, cold: 40 * time.Second},
		{name: "registry", programs: []string{"registry"}, cold: 20 * time.Second},
		{name: "kube-router", programs: []string{"kube-router"}, cold: 50 * time.Second},
		{name: "pause", programs: []string{"pause"}, cold: time.Second},
		{name: "memstress", programs: []string{"memstress"}, cold: time.Second},
		{name: "coredns", programs: []string{"coredns"}, cold: 80 * time.Second},
		{name: "metrics-server", programs: []string{"metrics-server"}, cold: 130 * time.Second},
		{name: "helm", programs: []string{"helm"}, cold: 40 * time.Second},
		{name: "kustomize", programs: []string{"kustomize"}, cold: 20 * time.Second},
		{name: "argo-cd", programs: []string{"cmd"}, cold: 140 * time.Second},
		// Of the clouds that Prometheus can look for targets in, a node is none.
		{name: "prometheus", programs: []string{"prometheus"}, tags: []string{"remove_all_sd", "enable_kubernetes_sd"}, cold: 70 * time.Second},
		{name: "prometheus-operator", programs: []string{"operator", "prometheus-config-reloader"}, cold: 80 * time.Second},
		{name: "alertmanager", programs: []string{"alertmanager"}, cold: 20 * time.Second},
		{name: "victorialogs", programs: []string{"victoria-logs"}, cold: 11 * time.Second},
		{name: "otel-collector", programs: []string{"otel-collector"}, cold: 50 * time.Second},
		{
			name: "chaos-mesh", programs: []string{"chaos-controller-manager", "chaos-daemon", "chaos-daemon-helper", "controller-gen"}, cgo: true,
			objects: map[string][]string{"github.com/chaos-mesh/chaos-mesh": {"pkg/time/fakeclock/fake_clock_gettime.c", "pkg/time/fakeclock/fake_gettimeofday.c"}}, cold: 150 * time.Second,
		},
	}
}

// builder builds components into a cache that all nodes of this user share.
type builder struct {
	modules string // platform/cluster/components
	cache   string
	host    *hosttools.Machine
	report  func(format string, args ...any)
}

// program is the path of a program, which build has made.
func (b *builder) program(c component, name string) (string, error) {
	key, err := b.key(c)
	if err != nil {
		return "", err
	}
	return filepath.Join(b.cache, c.name+"-"+key, name), nil
}

// find is program by the name of its component.
func (b *builder) find(name, program string) (string, error) {
	all := components()
	i := slices.IndexFunc(all, func(c component) bool { return c.name == name })
	if i < 0 || !slices.Contains(all[i].programs, program) {
		return "", fmt.Errorf("there is no program %s of a component %s", program, name)
	}
	return b.program(all[i], program)
}

// key names what a component is built from: its module file, the checksums of all
// that it uses, its own code, its flags and the compiler.
func (b *builder) key(c component) (string, error) {
	dir := filepath.Join(b.modules, c.name)
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH, c.ldflags, c.tags, c.programs, c.cgo, c.objects)
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("component %s: %w", c.name, err)
	}
	if len(files) == 0 {
		return "", fmt.Errorf("component %s: there is no module in %s", c.name, dir)
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return "", fmt.Errorf("component %s: %w", c.name, err)
		}
		fmt.Fprintln(sum, file.Name(), len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// build makes every component that is not in the cache yet. It blocks for minutes
// when there are many; ctx ends it.
func (b *builder) build(ctx context.Context, all []component) error {
	var missing []component
	var cold time.Duration
	for _, c := range all {
		dir, err := b.program(c, "")
		if err != nil {
			return err
		}
		switch _, err := os.Stat(dir); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, c)
			cold += c.cold
		case err != nil:
			return fmt.Errorf("cache of components: %w", err)
		}
	}
	if slices.ContainsFunc(missing, func(c component) bool { return c.cgo }) {
		if err := b.host.Ensure(ctx, hosttools.GCC, hosttools.LibC); err != nil { // now, and not minutes later
			return err
		}
	}
	for i, c := range missing {
		b.report("building %s (%d of %d; a first build of what is left takes about %s)", c.name, i+1, len(missing), cold.Round(10*time.Second))
		began := time.Now()
		if err := b.install(ctx, c); err != nil {
			return err
		}
		cold -= c.cold
		b.report("built %s in %s", c.name, time.Since(began).Round(time.Second))
	}
	return nil
}

// install builds one component beside its place and moves it there when it is whole.
func (b *builder) install(ctx context.Context, c component) error {
	final, err := b.program(c, "")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return fmt.Errorf("cache of components: %w", err)
	}
	dir, err := os.MkdirTemp(b.cache, ".building-")
	if err != nil {
		return fmt.Errorf("cache of components: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it was moved, or a later build has its own
	what, err := targets(filepath.Join(b.modules, c.name))
	if err != nil {
		return err
	}
	ldflags, cgo := "-s -w "+c.ldflags, "0"
	// With cgo or without it, names are looked up by the same code: components of both
	// kinds share what was compiled.
	tags := append([]string{"netgo", "osusergo"}, c.tags...)
	if c.cgo {
		ldflags, cgo = ldflags+" -linkmode=external -extldflags=-static", "1"
	}
	// What the linker strips need not be compiled, which takes an eighth of the time.
	args := []string{"install", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=" + ldflags, "-tags=" + strings.Join(tags, ",")}
	if len(c.objects) > 0 {
		sources, err := os.MkdirTemp(b.cache, ".sources-")
		if err != nil {
			return fmt.Errorf("component %s: %w", c.name, err)
		}
		defer os.RemoveAll(sources) //nolint:errcheck // a later build has its own
		modfile, err := b.withObjects(ctx, c, sources)
		if err != nil {
			return err
		}
		args = append(args, "-modfile="+modfile)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, what)...)
	cmd.Dir = filepath.Join(b.modules, c.name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOBIN="+dir, "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("component %s does not build: %w\n%s", c.name, err, lastLines(out, 20))
	}
	for _, p := range c.programs {
		if _, err := os.Stat(filepath.Join(dir, p)); err != nil {
			return fmt.Errorf("component %s built no program %s: %w", c.name, p, err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("component %s: %w", c.name, err)
	}
	// Somebody else may have built the same meanwhile; theirs is as good.
	if err := os.Rename(dir, final); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("component %s: %w", c.name, err)
	}
	return nil
}

// withObjects copies the modules whose Go code embeds compiled C, compiles that in
// the copies, and writes a module file that is the component's but for using them:
// the module cache itself must not be written to. It returns the module file.
func (b *builder) withObjects(ctx context.Context, c component, dir string) (string, error) {
	own := filepath.Join(b.modules, c.name)
	text, err := os.ReadFile(filepath.Join(own, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("component %s: %w", c.name, err)
	}
	for module, files := range c.objects {
		from, err := b.moduleDir(ctx, c.name, module)
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, filepath.Base(module))
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return "", fmt.Errorf("component %s: copy of %s: %w", c.name, module, err)
		}
		for _, file := range files {
			if out, err := run(ctx, to, "gcc", "-c", file, "-fPIE", "-O2", "-o", strings.TrimSuffix(file, ".c")+".o"); err != nil {
				return "", fmt.Errorf("component %s: %w: %s", c.name, err, lastLines(out, 10))
			}
		}
		text = fmt.Appendf(text, "\nreplace %s => %s\n", module, to)
	}
	sums, err := os.ReadFile(filepath.Join(own, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("component %s: %w", c.name, err)
	}
	path := filepath.Join(dir, "patched.mod")
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.WriteFile(filepath.Join(dir, "patched.sum"), sums, 0o600)); err != nil {
		return "", fmt.Errorf("component %s: %w", c.name, err)
	}
	return path, nil
}

// targets is what to install: the tools that the module names, or else itself.
func targets(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("component: %w", err)
	}
	if bytes.Contains(text, []byte("\ntool ")) {
		return "tool", nil
	}
	return ".", nil
}

// moduleDir is where the source of a module that a component uses lies.
func (b *builder) moduleDir(ctx context.Context, c, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = filepath.Join(b.modules, c)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("source of %s: %w: %s", module, err, stderr.Bytes())
	}
	dir := strings.TrimSpace(string(out))
	if dir == "" {
		// Listed, but nothing of it was needed to build: fetch it.
		if out, err := run(ctx, cmd.Dir, "go", "mod", "download", module); err != nil {
			return "", fmt.Errorf("source of %s: %w: %s", module, err, out)
		}
		return b.moduleDir(ctx, c, module)
	}
	return dir, nil
}

// run runs a command to its end and returns all that it wrote.
func run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.Stdin = nil
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("%s: %w", strings.Join(append([]string{filepath.Base(name)}, args...), " "), err)
	}
	return out, nil
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
