package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/ballast-sre/ballast/internal/image"
)

// command runs the command line as a person does, at the repository's root.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

// atRoot is where programs are built. The directory for what is temporary is the
// test's own, and must be empty in the end.
func atRoot(t *testing.T) {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Cleanup(func() {
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	atRoot(t)
	archive := filepath.Join(t.TempDir(), "x.tar")
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"no image":                      {nil, "accepts 1 arg(s), received 0"},
		"two images":                    {[]string{"monitor", "ballast"}, "accepts 1 arg(s), received 2"},
		"an image that there is not":    {[]string{"shop"}, `there is no image "shop"; there are ballast, monitor, monitor-cpu, monitor-disk, monitor-memory, monitor-network`},
		"an image without a name":       {[]string{""}, `there is no image ""; there are ballast, monitor, monitor-cpu, monitor-disk, monitor-memory, monitor-network`},
		"a flag that there is not":      {[]string{"monitor", "--tag=x"}, "unknown flag: --tag"},
		"an archive of no name":         {[]string{"monitor", "--archive=" + archive}, "--archive needs --ref"},
		"an archive with an empty name": {[]string{"monitor", "--archive=" + archive, "--ref="}, "--archive needs --ref"},
		"an archive of two":             {[]string{"monitor", "--archive=" + archive, "--ref=x:1", "--arch=amd64,arm64"}, "--archive holds an image for one architecture"},
		"an architecture twice":         {[]string{"monitor", "--arch=amd64,amd64"}, "--arch names amd64 twice"},
		"no architecture":               {[]string{"monitor", "--arch="}, "--arch names no architecture"},
		"an architecture that is none":  {[]string{"monitor", "--arch=abacus"}, "monitor does not build: "},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := command(t, tt.args...)
			if code == 0 || !strings.HasPrefix(stderr, "image: ") || !strings.Contains(stderr, tt.says) {
				t.Errorf("exit code %d, want %q: %s", code, tt.says, stderr)
			}
			if stdout != "" {
				t.Errorf("a script would take this for a digest: %s", stdout)
			}
		})
	}
	if _, err := os.Stat(archive); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an archive was written: %v", err)
	}
}

// A push builds an image anew only where one of these changed.
func TestInputsAreFilesAndDirectoriesOfTheRepository(t *testing.T) {
	atRoot(t)
	code, out, stderr := command(t, "--inputs", "monitor")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	inputs := strings.Fields(out)
	// The last is a module that a directory replaces.
	for _, want := range []string{"go.mod", "go.sum", "platform/image", "src/monitor", "src/monitor/internal/access", "internal/conntrack"} {
		if !slices.Contains(inputs, want) {
			t.Errorf("%s is not among %q", want, inputs)
		}
	}
	for _, input := range inputs {
		if _, err := os.Stat(input); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryImageHasItsPackage(t *testing.T) {
	atRoot(t)
	for name, p := range recipes() {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(p.pkg, "main.go"))
			if err != nil || !strings.Contains(string(text), "\npackage main\n") {
				t.Errorf("%s is no program: %v", p.pkg, err)
			}
			if p.description == "" {
				t.Error("nobody knows what it is")
			}
		})
	}
}

func TestTheSameProgramGivesTheSameDigestEveryWay(t *testing.T) {
	atRoot(t)
	layout, archive := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "x.tar")
	digest := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, append([]string{"monitor"}, args...)...)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		return strings.TrimSuffix(stdout, "\n")
	}
	first := digest("--layout=" + layout)
	if !strings.HasPrefix(first, "sha256:") || strings.ContainsAny(first, "\n ") {
		t.Fatalf("it prints %q", first)
	}
	img, err := image.FromLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := image.Digest(img); err != nil || got != first {
		t.Errorf("the layout holds %s, %v, want %s", got, err, first)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := file.Config; file.Architecture != runtime.GOARCH || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/monitor" || c.User != fmt.Sprintf("%d:%d", image.Nobody, image.Nobody) {
		t.Errorf("it runs as %+v on %s", c, file.Architecture)
	}

	server := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
	defer server.Close()
	pushed := strings.TrimPrefix(server.URL, "http://") + "/ballast/monitor:dev"
	bin := t.TempDir()
	// Another directory, and another build of the program in it.
	if again := digest("--bin-dir="+bin, "--archive="+archive, "--ref=ballast/monitor:dev", "--push="+pushed, "--insecure"); again != first {
		t.Errorf("%s became %s", first, again)
	}
	if _, err := os.Stat(filepath.Join(bin, "monitor-"+runtime.GOARCH)); err != nil {
		t.Errorf("the program was not kept: %v", err)
	}
	tag, err := name.NewTag("ballast/monitor:dev")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tarball.ImageFromPath(archive, &tag); err != nil {
		t.Errorf("the archive: %v", err)
	}
	ref, err := name.ParseReference(pushed, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := remote.Get(ref, remote.WithContext(t.Context())); err != nil || there.Digest.String() != first {
		t.Errorf("the registry: %v, want %s", err, first)
	}

	// A layout that is there is taken as it is; one that is broken is made anew.
	index := filepath.Join(layout, "index.json")
	before, err := os.Stat(index)
	if err != nil {
		t.Fatal(err)
	}
	if again := digest("--layout="+layout, "--bin-dir="+bin); again != first {
		t.Errorf("%s became %s", first, again)
	}
	if after, err := os.Stat(index); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was made anew (%v)", err)
	}
	if err := os.WriteFile(index, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := digest("--layout="+layout, "--bin-dir="+bin); again != first {
		t.Errorf("%s became %s", first, again)
	}
	if img, err = image.FromLayout(layout); err != nil {
		t.Fatal(err)
	}
	if got, err := image.Digest(img); err != nil || got != first {
		t.Errorf("the layout holds %s, %v, want %s", got, err, first)
	}
}
