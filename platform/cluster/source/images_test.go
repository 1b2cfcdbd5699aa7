package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

func TestEveryRecipeCanBeMade(t *testing.T) {
	all := map[string]bool{}
	for _, c := range components() {
		for _, p := range c.programs {
			all[c.name+"/"+p] = true
		}
	}
	seen := map[string]bool{}
	for _, r := range recipes() {
		t.Run(r.ref, func(t *testing.T) {
			if seen[r.ref] {
				t.Error("another recipe makes it, too")
			}
			seen[r.ref] = true
			if _, err := name.NewTag(r.ref, name.StrictValidation); err != nil {
				t.Error(err)
			}
			var paths []string
			for program, path := range r.programs {
				if !all[program] {
					t.Errorf("there is no program %s", program)
				}
				if !filepath.IsAbs(path) {
					t.Errorf("%s is at %s, which is no absolute path", program, path)
				}
				paths = append(paths, path)
			}
			for _, f := range r.files {
				paths = append(paths, f.Path)
			}
			slices.Sort(paths)
			if once := slices.Compact(slices.Clone(paths)); len(once) != len(paths) {
				t.Errorf("one path has two files: %q", paths)
			}
			// On an empty file system there is nothing but what is put there.
			if !r.userland && (len(r.config.Entrypoint) == 0 || !slices.Contains(paths, r.config.Entrypoint[0])) {
				t.Errorf("it starts %q, which it does not have: %q", r.config.Entrypoint, paths)
			}
		})
	}
}

var imageLine = regexp.MustCompile(`(?m)^\s*(?:- )?image: "?([^\s"]+)"?\s*$`)

// A node pulls from itself alone: an image that it does not make is never there.
func TestANodeMakesWhatItsOwnManifestsName(t *testing.T) {
	made := map[string]bool{}
	for _, r := range recipes() {
		made[r.ref] = true
	}
	if !made[pauseImage] {
		t.Errorf("no recipe makes %s, in which every pod lives", pauseImage)
	}
	files, err := filepath.Glob(filepath.Join("addons", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		for _, m := range imageLine.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if !made[m[1]] {
				t.Errorf("%s: no recipe makes %s", file, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no add-on names an image: this looks in the wrong place")
	}
}

func TestANodeFindsAnImageByItsNameWithoutTheRegistry(t *testing.T) {
	for ref, want := range map[string]string{
		"redis":                                 "library/redis",
		"redis:8":                               "library/redis:8",
		"ballast/monitor:dev":                   "ballast/monitor:dev",
		"docker.io/ballast/monitor:dev":         "ballast/monitor:dev",
		"docker.io/library/redis:8":             "library/redis:8",
		"registry.k8s.io/pause:3.10":            "pause:3.10",
		"registry.k8s.io/coredns/coredns:v1":    "coredns/coredns:v1",
		"localhost/x:1":                         "x:1",
		"localhost:5000/x:1":                    "x:1",
		"10.89.0.2:5000/ballast/monitor:1":      "ballast/monitor:1",
		"public.ecr.aws/docker/library/redis:8": "docker/library/redis:8",
	} {
		t.Run(ref, func(t *testing.T) {
			if got := repository(ref); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// nsenter itself needs rights over the namespaces; what it is called with needs none.
func TestNsexecTranslatesForNsenter(t *testing.T) {
	bin := t.TempDir()
	var script string
	for _, f := range chaosDaemon().files {
		if f.Path == "/usr/local/bin/nsexec" {
			script = string(f.Content)
		}
	}
	write(t, filepath.Join(bin, "nsexec"), script)
	write(t, filepath.Join(bin, "nsenter"), "#!/bin/sh\nprintf '[%s]' \"$@\"\n")
	if err := os.Chmod(filepath.Join(bin, "nsenter"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		want string
		code int
	}{
		"every namespace":              {[]string{"-m", "/m", "-i", "/i", "-n", "/n", "-p", "/p", "-u", "/u", "--", "ip", "addr"}, "[--mount=/m][--ipc=/i][--net=/n][--pid=/p][--uts=/u][--][ip][addr]", 0},
		"none":                         {[]string{"ip", "addr"}, "[--][ip][addr]", 0},
		"flags that say nothing to it": {[]string{"-l", "--keep-fd=3", "-n", "/n", "--", "ip"}, "[--net=/n][--][ip]", 0},
		"flags of the command":         {[]string{"-n", "/n", "tc", "-s", "qdisc"}, "[--net=/n][--][tc][-s][qdisc]", 0},
		"words with spaces in them":    {[]string{"-n", "/n", "--", "sh", "-c", "echo a  b"}, "[--net=/n][--][sh][-c][echo a  b]", 0},
		"a flag that there is not":     {[]string{"-x", "--", "ip"}, "nsexec: unknown option -x\n", 64},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{filepath.Join(bin, "nsexec")}, tt.args...)...)
			cmd.Env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Fatalf("exit code %d (%v), want %d: %s", code, err, tt.code, out)
			}
			if tt.want != "" && !strings.HasSuffix(string(out), tt.want) {
				t.Errorf("%q, want %q", out, tt.want)
			}
		})
	}
}

// The same key means that nothing needs to be packed or sent.
func TestTheKeyOfAllImagesIsThatOfWhatTheyAreMadeOf(t *testing.T) {
	key := func(modules string) string {
		t.Helper()
		got, err := (&Node{build: &builder{modules: modules, cache: "/cache"}}).imagesKey()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	own := filepath.Join("..", "components")
	changed := t.TempDir()
	if err := os.CopyFS(changed, os.DirFS(own)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // maps are walked in another order each time
		if a, b := key(own), key(changed); a != b {
			t.Fatalf("the same files have the keys %s and %s", a, b)
		}
	}
	before := key(changed)
	write(t, filepath.Join(changed, "pause", "main.go"), "package main\n")
	if key(changed) == before {
		t.Error("another program has the same key")
	}
	if got, err := (&Node{build: &builder{modules: t.TempDir()}}).imagesKey(); err == nil {
		t.Errorf("nothing has the key %s", got)
	}
}
