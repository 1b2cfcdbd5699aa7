package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func program(t *testing.T, content string, modified time.Time) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	return path
}

func built(t *testing.T, cfg Config, files ...File) v1.Image {
	t.Helper()
	layer, err := Files(files...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Build(cfg, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := Digest(img)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheSameFilesGiveTheSameDigest(t *testing.T) {
	cfg := Config{Arch: "amd64", Entrypoint: []string{"/p"}, Env: map[string]string{"A": "1", "B": "2"}, Labels: map[string]string{"x": "y"}}
	one := built(t, cfg, append(Accounts(), Program(program(t, "code", time.Unix(1, 0)), "/p"))...)
	// Another time, another place, another order.
	files := append([]File{Program(program(t, "code", time.Unix(99, 0)), "/p")}, Accounts()...)
	if a, b := digest(t, one), digest(t, built(t, cfg, files...)); a != b {
		t.Errorf("digests %s and %s", a, b)
	}
	if a, b := digest(t, one), digest(t, built(t, cfg, append(Accounts(), Program(program(t, "other", time.Unix(1, 0)), "/p"))...)); a == b {
		t.Error("another program has the same digest")
	}
	other := cfg
	other.User = "1000"
	if a, b := digest(t, one), digest(t, built(t, other, append(Accounts(), Program(program(t, "code", time.Unix(1, 0)), "/p"))...)); a == b {
		t.Error("another user has the same digest")
	}
}

func TestWhatIsInALayer(t *testing.T) {
	layer, err := Files(
		File{Path: "/usr/bin/tool", From: program(t, "code", time.Now()), UID: 7, GID: 8},
		File{Path: "/etc/motd", Content: []byte("hello")},
		File{Path: "/usr/bin/alias", Link: "tool"},
		File{Path: "/tmp", Dir: true, Mode: fs.ModeSticky | 0o777},
		File{Path: "/run.sh", Content: []byte("#!"), Mode: 0o755},
	)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var got []string
	for r := tar.NewReader(raw); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(strings.Join([]string{h.FileInfo().Mode().String(), h.Name, h.Linkname, string(content)}, " ")))
		if !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s has the time %s", h.Name, h.ModTime)
		}
		if h.Name == "usr/bin/tool" && (h.Uid != 7 || h.Gid != 8) {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
	}
	want := []string{
		"drwxr-xr-x etc/", "-rw-r--r-- etc/motd  hello", "-rwxr-xr-x run.sh  #!", "dtrwxrwxrwx tmp/",
		"drwxr-xr-x usr/", "drwxr-xr-x usr/bin/", "Lrwxrwxrwx usr/bin/alias tool", "-rwxr-xr-x usr/bin/tool  code",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for name, files := range map[string][]File{
		"a relative path":         {{Path: "etc/passwd"}},
		"a path with dots":        {{Path: "/etc/../passwd"}},
		"the root":                {{Path: "/", Dir: true}},
		"one path twice":          {{Path: "/a"}, {Path: "/a"}},
		"a program that is not":   {Program("/does/not/exist", "/p")},
		"a directory as program":  {Program(t.TempDir(), "/p")},
		"a path with a slash end": {{Path: "/etc/", Dir: true}},
	} {
		if _, err := Files(files...); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := Build(Config{}); err == nil {
		t.Error("an image without an architecture is accepted")
	}
}

func TestWhatAnImageSaysOfItself(t *testing.T) {
	img := built(t, Config{Arch: "arm64", Entrypoint: []string{"/p", "--x"}, Args: []string{"y"}, User: "65532:65532", WorkDir: "/w", Env: map[string]string{"B": "2", "A": "1"}}, Accounts()...)
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		Entrypoint: []string{"/p", "--x"}, Cmd: []string{"y"}, User: "65532:65532", WorkingDir: "/w",
		Env: []string{"A=1", "B=2", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}
	if d := cmp.Diff(want, file.Config); d != "" || file.OS != "linux" || file.Architecture != "arm64" {
		t.Errorf("%s/%s (-want +got):\n%s", file.OS, file.Architecture, d)
	}
	own := built(t, Config{Arch: "amd64", Env: map[string]string{"PATH": "/only"}}, Accounts()...)
	if file, err = own.ConfigFile(); err != nil || len(file.Config.Env) != 1 {
		t.Errorf("a PATH of its own is not left alone: %v, %v", file.Config.Env, err)
	}
}

func TestADigestSurvivesEveryWayOut(t *testing.T) {
	img := built(t, Config{Arch: "amd64", Entrypoint: []string{"/p"}}, Accounts()...)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	if err := Push(t.Context(), img, host+"/ballast/x:1", Insecure()); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host+"/ballast/x@"+digest(t, img), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(ref); err != nil {
		t.Errorf("the registry does not know it by its digest: %v", err)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	for range 2 { // the second replaces the first
		if err := SaveLayout(img, layout); err != nil {
			t.Fatal(err)
		}
	}
	back, err := FromLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, back) != digest(t, img) {
		t.Error("the layout holds another image")
	}
	archive := filepath.Join(t.TempDir(), "x.tar")
	if err := Save(img, "ballast/x:1", archive); err != nil {
		t.Fatal(err)
	}
	if _, err := tarball.ImageFromPath(archive, nil); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "ballast/x@sha256:0", "UPPER/x:1"} {
		if err := Push(t.Context(), img, bad); err == nil {
			t.Errorf("pushed to %q", bad)
		}
		if err := Save(img, bad, archive); err == nil {
			t.Errorf("saved as %q", bad)
		}
	}
	if _, err := FromLayout(t.TempDir()); err == nil {
		t.Error("an empty directory is a layout")
	}
}

func TestAUserlandIsTakenAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "base.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "bin/sh", Mode: 0o755, Size: 2}), func() error { _, err := w.Write([]byte("sh")); return err }(), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	layer, err := Tar(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	got, err := io.ReadAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != string(got) {
		t.Errorf("it was changed (%v)", err)
	}
	if _, err := Tar("/does/not/exist"); err == nil {
		t.Error("a file that is not there is a userland")
	}
}

func TestAnIndexSurvivesEveryWayOut(t *testing.T) {
	one, other := built(t, Config{Arch: "amd64"}, Accounts()...), built(t, Config{Arch: "arm64"}, Accounts()...)
	index, err := Index(one, other)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Digest(index)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	if err := Push(t.Context(), index, host+"/ballast/x:1", Insecure()); err != nil {
		t.Fatal(err)
	}
	for _, img := range []v1.Image{one, other} {
		ref, err := name.ParseReference(host+"/ballast/x@"+digest(t, img), name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Image(ref); err != nil {
			t.Errorf("an image of the index is not in the registry: %v", err)
		}
	}
	layout := filepath.Join(t.TempDir(), "layout")
	if err := SaveLayout(index, layout); err != nil {
		t.Fatal(err)
	}
	back, err := ArtifactFromLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Digest(back); err != nil || got != want {
		t.Errorf("the layout holds %s, want %s (%v)", got, want, err)
	}
	if _, err := FromLayout(layout); err == nil || !strings.Contains(err.Error(), "holds an index") {
		t.Errorf("an index is taken for an image: %v", err)
	}
	for name, images := range map[string][]v1.Image{"none": nil, "two of one architecture": {one, one}} {
		if _, err := Index(images...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
