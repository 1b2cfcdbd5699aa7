package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
)

// bench is a builder of modules that are made up, with an empty cache.
type bench struct {
	*builder
	mu   sync.Mutex
	told []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{}
	b.builder = &builder{modules: t.TempDir(), cache: filepath.Join(t.TempDir(), "cache"), host: hosttools.Here(t.TempDir(), t.Logf), report: func(format string, args ...any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, fmt.Sprintf(format, args...))
	}}
	return b
}

// module writes a component that needs no other module.
func (b *bench) module(t *testing.T, name, main string) component {
	t.Helper()
	write(t, filepath.Join(b.modules, name, "go.mod"), "module example.test/"+name+"\n\ngo 1.24\n")
	write(t, filepath.Join(b.modules, name, "main.go"), main)
	return component{name: name, programs: []string{name}}
}

// cached are the entries of the cache, those that are hidden included.
func (b *bench) cached(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(b.cache)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

const prints = "package main\n\nimport \"os\"\n\nvar text = \"nothing\"\n\nfunc main() { os.Stdout.WriteString(text) }\n"

func TestWhatAComponentsKeyChangesWith(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, dir string, c *component)
		same   bool
	}{
		"nothing":           {func(*testing.T, string, *component) {}, true},
		"how long it takes": {func(_ *testing.T, _ string, c *component) { c.cold++ }, true},
		"its module file":   {func(t *testing.T, dir string, _ *component) { write(t, filepath.Join(dir, "go.mod"), "module other\n") }, false},
		"its checksums":     {func(t *testing.T, dir string, _ *component) { write(t, filepath.Join(dir, "go.sum"), "other\n") }, false},
		"its own code": {func(t *testing.T, dir string, _ *component) {
			write(t, filepath.Join(dir, "main.go"), "package other\n")
		}, false},
		"a file more":        {func(t *testing.T, dir string, _ *component) { write(t, filepath.Join(dir, "more.go"), "") }, false},
		"the linker's flags": {func(_ *testing.T, _ string, c *component) { c.ldflags = "-X main.text=other" }, false},
		"its programs":       {func(_ *testing.T, _ string, c *component) { c.programs = append(c.programs, "other") }, false},
		"C in it":            {func(_ *testing.T, _ string, c *component) { c.cgo = true }, false},
		"objects of C":       {func(_ *testing.T, _ string, c *component) { c.objects = map[string][]string{"m": {"x.c"}} }, false},
		"text that moves from one file into the next": {func(t *testing.T, dir string, _ *component) {
			write(t, filepath.Join(dir, "go.mod"), "module example.test/tiny\n\ngo 1.24\nsum\n")
			write(t, filepath.Join(dir, "go.sum"), "")
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c := b.module(t, "tiny", prints)
			dir := filepath.Join(b.modules, "tiny")
			write(t, filepath.Join(dir, "go.sum"), "sum\n")
			before, err := b.key(c)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(t, dir, &c)
			after, err := b.key(c)
			if err != nil {
				t.Fatal(err)
			}
			if (before == after) != tt.same {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
}

func TestAKeyNeedsAModule(t *testing.T) {
	b := newBench(t)
	write(t, filepath.Join(b.modules, "nested", "dir", "main.go"), "")
	if err := os.Mkdir(filepath.Join(b.modules, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"missing": "component missing: ",
		"empty":   "component empty: there is no module in " + filepath.Join(b.modules, "empty"),
		// What a key does not cover would change without it.
		"nested": "component nested: ",
	} {
		t.Run(name, func(t *testing.T) {
			if key, err := b.key(component{name: name}); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q, %v, want %q", key, err, want)
			}
			if err := b.build(t.Context(), []component{{name: name}}); err == nil {
				t.Error("it was built")
			}
		})
	}
	if len(b.told) > 0 {
		t.Errorf("reported %q", b.told)
	}
}

// A checkout may lie anywhere, also where a name means something to a pattern.
func TestAComponentsDirectoryIsNoPattern(t *testing.T) {
	b := newBench(t)
	b.modules = filepath.Join(b.modules, "[work] *?")
	if _, err := b.key(b.module(t, "tiny", prints)); err != nil {
		t.Error(err)
	}
}

func TestAProgramIsFoundByItsComponent(t *testing.T) {
	b := &builder{modules: filepath.Join("..", "components"), cache: "/cache"}
	path, err := b.find("etcd", "server")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := filepath.Match("/cache/etcd-????????????/server", path); err != nil || !ok {
		t.Errorf("it is %s, %v", path, err)
	}
	for name, at := range map[string][2]string{
		"a component that there is not":      {"docker", "dockerd"},
		"a program that there is not":        {"etcd", "etcdctl"},
		"a program of another component":     {"etcd", "kubelet"},
		"a program without a name":           {"etcd", ""},
		"a component that only begins alike": {"kube", "kubectl"},
	} {
		t.Run(name, func(t *testing.T) {
			want := fmt.Sprintf("there is no program %s of a component %s", at[1], at[0])
			if path, err := b.find(at[0], at[1]); err == nil || err.Error() != want {
				t.Errorf("%q, %v, want %q", path, err, want)
			}
		})
	}
}

func TestAComponentIsBuiltOnce(t *testing.T) {
	b := newBench(t)
	c, other := b.module(t, "tiny", prints), b.module(t, "other", prints)
	c.ldflags, c.cold, other.cold = "-X main.text=hello", 8*time.Second, 21*time.Second
	both := []component{c, other}
	if err := b.build(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"building tiny (1 of 2; a first build of what is left takes about 30s)", "built tiny in ",
		"building other (2 of 2; a first build of what is left takes about 20s)", "built other in ",
	} {
		if i >= len(b.told) || !strings.HasPrefix(b.told[i], want) {
			t.Fatalf("reported %q, want %q at %d", b.told, want, i)
		}
	}
	path, err := b.program(c, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path).Output(); err != nil || string(out) != "hello" {
		t.Errorf("it writes %q, %v", out, err)
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o755 {
		t.Errorf("only some may use it: %s", info.Mode())
	}
	before := b.cached(t)
	if len(before) != 2 {
		t.Errorf("the cache holds %q", before)
	}
	b.told = nil
	if err := b.build(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, b.cached(t)); d != "" || len(b.told) > 0 {
		t.Errorf("it was built again: %q\n%s", b.told, d)
	}
	if again, err := os.Stat(filepath.Dir(path)); err != nil || !os.SameFile(info, again) {
		t.Errorf("it was replaced (%v)", err)
	}
}

// Two clusters may come up at the same time, from one cache.
func TestTwoMayBuildTheSameAtOnce(t *testing.T) {
	b := newBench(t)
	c := b.module(t, "tiny", prints)
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			if err := b.install(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	path, err := b.program(c, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.cached(t); len(got) != 1 || !exists(path) {
		t.Errorf("the cache holds %q", got)
	}
}

func TestWhatDoesNotBuild(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	long := "package main\n\nfunc main() {\n" + strings.Repeat("\tnonsense()\n", 40) + "}\n"
	tests := map[string]struct {
		ctx      context.Context
		main     string
		programs []string
		is       error
		says     []string
	}{
		"code that does not compile": {
			ctx: t.Context(), main: long, programs: []string{"sick"},
			says: []string{"component sick does not build: exit status 1\n", "undefined: nonsense", "too many errors"},
		},
		"a module that lacks a requirement": {
			ctx: t.Context(), main: "package main\n\nimport _ \"example.test/absent\"\n\nfunc main() {}\n", programs: []string{"sick"},
			says: []string{"component sick does not build: exit status 1\n", "example.test/absent"},
		},
		"a program that the module has not": {
			ctx: t.Context(), main: prints, programs: []string{"sick", "sicker"}, is: fs.ErrNotExist,
			says: []string{"component sick built no program sicker: "},
		},
		"one that is given up": {
			ctx: canceled, main: prints, programs: []string{"sick"}, is: context.Canceled,
			says: []string{"component sick does not build: "},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c := b.module(t, "sick", tt.main)
			c.programs = tt.programs
			err := b.build(tt.ctx, []component{c, b.module(t, "next", prints)})
			if err == nil {
				t.Fatal("it was built")
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is no %v", err, tt.is)
			}
			if got := b.cached(t); len(got) > 0 {
				t.Errorf("left behind: %q", got)
			}
			if len(b.told) != 1 {
				t.Errorf("it went on: %q", b.told)
			}
		})
	}
}

func TestACacheThatCannotBe(t *testing.T) {
	b := newBench(t)
	write(t, b.cache, "a file")
	if err := b.build(t.Context(), []component{b.module(t, "tiny", prints)}); err == nil || !strings.HasPrefix(err.Error(), "cache of components: ") {
		t.Errorf("%v", err)
	}
}

func TestWhatOfAModuleIsInstalled(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"itself, when it names no tool":      {"module x\n\ngo 1.24\n", "."},
		"the one tool that it names":         {"module x\n\ntool example.test/cmd\n", "tool"},
		"all the tools that it names":        {"module x\n\ntool (\n\texample.test/a\n)\n", "tool"},
		"itself, when only a comment has it": {"module x\n\n// tool\nrequire example.test/tool v1.0.0\n", "."},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "go.mod"), tt.text)
			if got, err := targets(dir); err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if _, err := targets(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a module file: %v", err)
	}
}

// withPart writes a component that uses a module with C in it, and returns that
// module's directory.
func (b *bench) withPart(t *testing.T, c string) (component, string) {
	t.Helper()
	part := t.TempDir()
	write(t, filepath.Join(part, "go.mod"), "module example.test/part\n\ngo 1.24\n")
	write(t, filepath.Join(part, "clock", "clock.c"), c)
	own := b.module(t, "tiny", prints)
	write(t, filepath.Join(b.modules, "tiny", "go.mod"), "module example.test/tiny\n\ngo 1.24\n\nrequire example.test/part v0.0.0\n\nreplace example.test/part => "+part+"\n")
	write(t, filepath.Join(b.modules, "tiny", "go.sum"), "sums\n")
	own.objects = map[string][]string{"example.test/part": {"clock/clock.c"}}
	return own, part
}

func TestWhereAModulesSourceLies(t *testing.T) {
	b := newBench(t)
	_, part := b.withPart(t, "")
	if dir, err := b.moduleDir(t.Context(), "tiny", "example.test/part"); err != nil || dir != part {
		t.Errorf("%q, %v, want %q", dir, err, part)
	}
	if dir, err := b.moduleDir(t.Context(), "tiny", "example.test/absent"); err == nil || !strings.Contains(err.Error(), "source of example.test/absent: ") {
		t.Errorf("a module that is not used is at %q, %v", dir, err)
	}
	if dir, err := b.moduleDir(t.Context(), "absent", "example.test/part"); err == nil {
		t.Errorf("a component that there is not has it at %q", dir)
	}
}

func TestObjectsAreCompiledInACopy(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skipf("there is no C compiler: %v", err)
	}
	b, dir := newBench(t), t.TempDir()
	c, part := b.withPart(t, "int one(void) { return 1; }\n")
	modfile, err := b.withObjects(t.Context(), c, dir)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "part")
	if !exists(filepath.Join(copied, "clock", "clock.o")) {
		t.Error("the copy has no object")
	}
	if exists(filepath.Join(part, "clock", "clock.o")) {
		t.Error("the module itself was written to")
	}
	own := read(t, filepath.Join(b.modules, "tiny", "go.mod"))
	if got, want := read(t, modfile), own+"\nreplace example.test/part => "+copied+"\n"; got != want {
		t.Errorf("the module file is %q, want %q", got, want)
	}
	if got := read(t, strings.TrimSuffix(modfile, ".mod")+".sum"); got != "sums\n" {
		t.Errorf("the checksums are %q", got)
	}
	sick, _ := b.withPart(t, "int one(void) { return nonsense; }\n")
	if _, err := b.withObjects(t.Context(), sick, t.TempDir()); err == nil || !strings.Contains(err.Error(), "component tiny: ") || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("C that does not compile: %v", err)
	}
}

var toolLine = regexp.MustCompile(`(?m)^(?:tool )?\s*([\w.-]+(?:/[\w.-]+)+)$`)

// tools are the programs that a module file names, as `go install` calls them.
func tools(text string) []string {
	var names []string
	if _, block, ok := strings.Cut(text, "\ntool "); ok {
		if rest, ok := strings.CutPrefix(block, "(\n"); ok {
			block, _, _ = strings.Cut(rest, "\n)")
		} else {
			block, _, _ = strings.Cut(block, "\n")
		}
		version := regexp.MustCompile(`/v\d+$`)
		for _, m := range toolLine.FindAllStringSubmatch(block, -1) {
			names = append(names, filepath.Base(version.ReplaceAllString(m[1], "")))
		}
	}
	return names
}

func TestEveryComponentHasItsModule(t *testing.T) {
	root := filepath.Join("..", "components")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]bool{}
	for _, e := range entries {
		modules[e.Name()] = e.IsDir()
	}
	seen := map[string]bool{}
	for _, c := range components() {
		t.Run(c.name, func(t *testing.T) {
			if seen[c.name] {
				t.Error("it is named twice")
			}
			seen[c.name] = true
			if !modules[c.name] {
				t.Fatalf("it has no directory in %s", root)
			}
			if c.cold <= 0 {
				t.Error("nobody knows how long it takes")
			}
			text := read(t, filepath.Join(root, c.name, "go.mod"))
			if want := "\nmodule github.com/ballast-sre/ballast/platform/cluster/components/" + c.name + "\n"; !strings.Contains(text, want) {
				t.Errorf("its module is not %q", strings.TrimSpace(want))
			}
			// One that names no tools is a program itself.
			want := tools(text)
			if len(want) == 0 {
				want = []string{c.name}
				if !exists(filepath.Join(root, c.name, "main.go")) {
					t.Error("it has neither tools nor a main.go")
				}
			}
			slices.Sort(want)
			if d := cmp.Diff(want, slices.Sorted(slices.Values(c.programs))); d != "" {
				t.Errorf("its programs (-module +component):\n%s", d)
			}
			for module := range c.objects {
				if !strings.Contains(text, "\t"+module+" v") {
					t.Errorf("it does not use %s", module)
				}
			}
			delete(modules, c.name)
		})
	}
	for name := range modules {
		t.Errorf("%s is of no component", filepath.Join(root, name))
	}
}

// What is compiled for one component serves the next, but only of the same version
// and on top of the same versions: a library that all of them use, in as many versions
// as there are components, makes a first build last twice as long.
func TestComponentsShareWhatMostOfThemUse(t *testing.T) {
	// A replacement has an arrow, and is not meant.
	line := regexp.MustCompile(`(?m)^\t(\S+) (v\S+)(?: // indirect)?$`)
	versions := map[string]map[string][]string{} // of a module, with who uses each
	for _, c := range components() {
		if c.name == "kubernetes" || c.name == "kube-router" {
			continue // those of Kubernetes' release, as a release is tested with them
		}
		for _, m := range line.FindAllStringSubmatch(read(t, filepath.Join("..", "components", c.name, "go.mod")), -1) {
			module, version := m[1], m[2]
			if versions[module] == nil {
				versions[module] = map[string][]string{}
			}
			versions[module][version] = append(versions[module][version], c.name)
		}
	}
	for module, used := range versions {
		most := 1
		switch {
		case module == "k8s.io/api", module == "k8s.io/apimachinery", module == "k8s.io/client-go", module == "k8s.io/apiserver":
			most = 3 // the minor versions that upstreams are at
		case slices.ContainsFunc([]string{"golang.org/x/", "google.golang.org/", "go.opentelemetry.io/otel", "github.com/go-openapi/", "github.com/prometheus/client_", "github.com/prometheus/common", "k8s.io/klog", "k8s.io/utils", "k8s.io/kube-openapi", "sigs.k8s.io/structured-merge-diff"},
			func(prefix string) bool { return strings.HasPrefix(module, prefix) }):
		default:
			continue
		}
		if len(used) > most {
			t.Errorf("%s is used in %d versions, %v: want %d at most; `go get` the newest in the other components' directories, then `go mod tidy`", module, len(used), used, most)
		}
	}
	if len(versions["golang.org/x/net"]) == 0 || len(versions["k8s.io/client-go"]) == 0 {
		t.Error("the modules were not read")
	}
}

// The version that the programs tell of themselves is not read from the module.
func TestKubernetesTellsTheVersionThatItsModulePins(t *testing.T) {
	text := read(t, filepath.Join("..", "components", "kubernetes", "go.mod"))
	if want := "\tk8s.io/kubernetes " + KubernetesVersion; !strings.Contains(text, want+"\n") && !strings.Contains(text, want+" ") {
		t.Errorf("it does not pin %s", KubernetesVersion)
	}
	for _, c := range components() {
		if c.name == "kubernetes" && !strings.Contains(c.ldflags, "gitVersion="+KubernetesVersion+" ") {
			t.Errorf("it is stamped with %s", c.ldflags)
		}
	}
	if !strings.HasPrefix(KubernetesVersion, "v1.34.") {
		t.Error("the stamp of the minor version, and the limit that cgroup v1 sets, are of v1.34")
	}
}

func TestTheLastLines(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		n    int
		want string
	}{
		"more than there are":           {"a\nb\n", 5, "a\nb"},
		"fewer than there are":          {"a\nb\nc\n", 2, "b\nc"},
		"without an end of line":        {"a\nb", 1, "b"},
		"of nothing":                    {"", 3, ""},
		"empty ones at the end are not": {"a\nb\n\n\n", 1, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lastLines([]byte(tt.text), tt.n); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
