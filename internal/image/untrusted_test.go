package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// bench is a layout of an image with one layer, which a test may change.
type bench struct {
	root     *os.Root
	dir      string
	digest   string
	manifest *v1.Manifest
}

func newBench(t *testing.T) *bench {
	t.Helper()
	img := built(t, Config{Arch: "amd64", Entrypoint: []string{"/p"}}, Accounts()...)
	b := &bench{dir: filepath.Join(t.TempDir(), "out", "layout"), digest: digest(t, img)}
	if err := os.MkdirAll(filepath.Dir(b.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SaveLayout(img, b.dir); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.manifest, err = img.Manifest(); err != nil {
		t.Fatal(err)
	}
	if b.root, err = os.OpenRoot(filepath.Dir(b.dir)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.root.Close() })
	return b
}

func (b *bench) blob(h v1.Hash) string { return filepath.Join(b.dir, "blobs", h.Algorithm, h.Hex) }

func (b *bench) layer() string { return b.blob(b.manifest.Layers[0].Digest) }

// put writes a blob and returns what names it.
func (b *bench) put(t *testing.T, kind types.MediaType, content any) v1.Descriptor {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	h, size, err := v1.SHA256(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.blob(h), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{MediaType: kind, Size: size, Digest: h}
}

// index makes the layout one of these.
func (b *bench) index(t *testing.T, all ...v1.Descriptor) {
	t.Helper()
	text, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: all})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "index.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// changed makes the layout one whose manifest is another.
func (b *bench) changed(t *testing.T, change func(m *v1.Manifest)) {
	t.Helper()
	m := b.manifest.DeepCopy()
	change(m)
	b.index(t, b.put(t, types.OCIManifestSchema1, m))
}

const plenty = 1 << 20

func TestAnImageOfSomebodyElseIsTheSame(t *testing.T) {
	b := newBench(t)
	img, err := Untrusted(b.root, "layout", plenty)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(t, img); got != b.digest {
		t.Errorf("its digest is %s, want %s", got, b.digest)
	}
	server := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/ballast/x:1"
	if err := Push(t.Context(), img, ref); err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%v, %v", layers, err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if text, err := io.ReadAll(content); err != nil || !bytes.Contains(text, []byte("etc/passwd")) {
		t.Errorf("its layer does not hold what was put there: %v", err)
	}
}

func TestWhatIsNotReadOfSomebodyElse(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := func(t *testing.T, path, to string) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(path), os.Symlink(to, path)); err != nil {
			t.Fatal(err)
		}
	}
	pipe := func(t *testing.T, path string) {
		t.Helper()
		if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	spoiled := func(t *testing.T, path string) { // the size is the same
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)-1] ^= 1
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written := func(t *testing.T, path, text string) {
		t.Helper()
		if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		change func(t *testing.T, b *bench)
		says   string
	}{
		"a layout that is a link out of its directory": {func(t *testing.T, b *bench) { linked(t, b.dir, filepath.Dir(secret)) }, "escapes"},
		"an index that is a link to a file":            {func(t *testing.T, b *bench) { linked(t, filepath.Join(b.dir, "index.json"), secret) }, "escapes"},
		"blobs that are a link to a directory":         {func(t *testing.T, b *bench) { linked(t, filepath.Join(b.dir, "blobs"), "/etc") }, "escapes"},
		"a layer that is a link to a file":             {func(t *testing.T, b *bench) { linked(t, b.layer(), secret) }, "escapes"},
		"a layer that is a link to a file beside it":   {func(t *testing.T, b *bench) { linked(t, b.layer(), b.manifest.Config.Digest.Hex) }, "bytes, the image says"},
		"a configuration that is a link to a file":     {func(t *testing.T, b *bench) { linked(t, b.blob(b.manifest.Config.Digest), secret) }, "escapes"},
		"a layer that is a pipe":                       {func(t *testing.T, b *bench) { pipe(t, b.layer()) }, "is not a regular file"},
		"an index that is a pipe":                      {func(t *testing.T, b *bench) { pipe(t, filepath.Join(b.dir, "index.json")) }, "is not a regular file"},
		"a layer that is a directory": {func(t *testing.T, b *bench) {
			if err := errors.Join(os.Remove(b.layer()), os.Mkdir(b.layer(), 0o755)); err != nil {
				t.Fatal(err)
			}
		}, "is not a regular file"},
		"a layer of another size":          {func(t *testing.T, b *bench) { written(t, b.layer(), "short") }, "has 5 bytes, the image says"},
		"a layer that is not there":        {func(_ *testing.T, b *bench) { _ = os.Remove(b.layer()) }, "no such file"},
		"a configuration that was changed": {func(t *testing.T, b *bench) { spoiled(t, b.blob(b.manifest.Config.Digest)) }, "has the digest"},
		"no index":                         {func(_ *testing.T, b *bench) { _ = os.Remove(filepath.Join(b.dir, "index.json")) }, "no such file"},
		"an index that is not JSON":        {func(t *testing.T, b *bench) { written(t, filepath.Join(b.dir, "index.json"), "{") }, "index.json"},
		"an index that is larger than memory is worth": {func(t *testing.T, b *bench) {
			written(t, filepath.Join(b.dir, "index.json"), strings.Repeat(" ", mostDocument+1))
		}, "is larger than"},
		"no image":           {func(t *testing.T, b *bench) { b.index(t) }, "holds 0 images, want one"},
		"an index of images": {func(t *testing.T, b *bench) { b.index(t, b.put(t, types.OCIImageIndex, v1.IndexManifest{})) }, "want an image"},
		"an image of a digest that leads elsewhere": {func(t *testing.T, b *bench) {
			written(t, filepath.Join(b.dir, "index.json"), `{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":8,"digest":"sha256:../../../secret"}]}`)
		}, "index.json"},
		"a layer that is fetched from elsewhere": {func(t *testing.T, b *bench) {
			b.changed(t, func(m *v1.Manifest) { m.Layers[0].URLs = []string{"http://192.0.2.1/"} })
		}, "want one that is part of the layout"},
		"a layer that is not to be distributed": {func(t *testing.T, b *bench) {
			b.changed(t, func(m *v1.Manifest) { m.Layers[0].MediaType = types.OCIRestrictedLayer })
		}, "want one that is part of the layout"},
		"a layer of another type": {func(t *testing.T, b *bench) {
			b.changed(t, func(m *v1.Manifest) { m.Layers[0].MediaType = types.OCIConfigJSON })
		}, "want one that is part of the layout"},
		"a layer of a negative size":                   {func(t *testing.T, b *bench) { b.changed(t, func(m *v1.Manifest) { m.Layers[0].Size = -1 }) }, "is larger than"},
		"an image that is larger than what is allowed": {func(t *testing.T, b *bench) { b.changed(t, func(m *v1.Manifest) { m.Layers[0].Size = plenty }) }, "is larger than"},
		"an image whose layers together are too large": {func(t *testing.T, b *bench) {
			b.changed(t, func(m *v1.Manifest) {
				m.Layers = append(m.Layers, v1.Descriptor{MediaType: types.OCILayer, Size: 1<<63 - 1, Digest: m.Layers[0].Digest})
			})
		}, "is larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			tt.change(t, b)
			img, err := Untrusted(b.root, "layout", plenty)
			if err == nil || img != nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "precious") {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// What a layer holds when it is pushed is what the registry checks.
func TestALayerThatWasChangedIsNotPushed(t *testing.T) {
	b := newBench(t)
	text, err := os.ReadFile(b.layer())
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(b.layer(), text, 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := Untrusted(b.root, "layout", plenty)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
	defer server.Close()
	if err := Push(t.Context(), img, strings.TrimPrefix(server.URL, "http://")+"/ballast/x:1"); err == nil {
		t.Error("it was pushed")
	}
	if _, err := img.LayerByDigest(v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}); err == nil {
		t.Error("it returns a layer that is not in the layout")
	}
}

// Whatever the documents say, it ends, and reads nothing but what is in the layout.
func FuzzUntrusted(f *testing.F) {
	f.Add(`{"schemaVersion":2,"manifests":[]}`, `{}`)
	f.Add(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":-1,"digest":"sha256:`+strings.Repeat("0", 64)+`"}]}`, `{"layers":[{"size":9223372036854775807}]}`)
	f.Add("{", "[")
	f.Fuzz(func(t *testing.T, index, manifest string) {
		dir := t.TempDir()
		h, _, err := v1.SHA256(strings.NewReader(manifest))
		if err != nil {
			t.Fatal(err)
		}
		blobs := filepath.Join(dir, "blobs", "sha256")
		index = strings.ReplaceAll(index, strings.Repeat("0", 64), h.Hex)
		if err := errors.Join(os.MkdirAll(blobs, 0o755), os.WriteFile(filepath.Join(blobs, h.Hex), []byte(manifest), 0o644), os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o644)); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		img, err := Untrusted(root, ".", plenty)
		if (img == nil) != (err != nil) {
			t.Errorf("%v, %v", img, err)
		}
	})
}
