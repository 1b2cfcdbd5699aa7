package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The documents of an image are read into memory; larger ones are refused.
const mostDocument = 4 << 20

// Untrusted reads the only image of an OCI layout that a program wrote which is not
// trusted, in a directory below root. What it reads are regular files below root of
// the sizes that the image says, most bytes in all; whatever else is there, such as a
// link to a file of somebody else's, is an error. Documents are checked against their
// digests now, layers by the registry that they are pushed to. root must stay open as
// long as the image is used.
func Untrusted(root *os.Root, dir string, most int64) (v1.Image, error) {
	l := &untrusted{root: root, dir: dir}
	index, err := l.document("index.json", -1)
	if err != nil {
		return nil, err
	}
	list, err := v1.ParseIndexManifest(bytes.NewReader(index))
	if err != nil {
		return nil, fmt.Errorf("image: %s/index.json: %w", dir, err)
	}
	if len(list.Manifests) != 1 {
		return nil, fmt.Errorf("image: %s holds %d images, want one", dir, len(list.Manifests))
	}
	l.of = list.Manifests[0]
	if !l.of.MediaType.IsImage() {
		return nil, fmt.Errorf("image: %s holds %q, want an image", dir, l.of.MediaType)
	}
	if l.manifest, err = l.blob(l.of); err != nil {
		return nil, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(l.manifest))
	if err != nil {
		return nil, fmt.Errorf("image: %s: manifest: %w", dir, err)
	}
	if l.config, err = l.blob(manifest.Config); err != nil {
		return nil, err
	}
	l.layers = map[v1.Hash]v1.Descriptor{}
	left := most - int64(len(l.config))
	for _, d := range manifest.Layers {
		// Whoever runs an image fetches a layer with addresses from there.
		if !d.MediaType.IsLayer() || !d.MediaType.IsDistributable() || len(d.URLs) > 0 {
			return nil, fmt.Errorf("image: %s: layer %s is %q, want one that is part of the layout", dir, d.Digest, d.MediaType)
		}
		if d.Size < 0 || d.Size > left {
			return nil, fmt.Errorf("image: %s is larger than %d bytes", dir, most)
		}
		left -= d.Size
		f, err := l.open(blobPath(d.Digest), d.Size)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("image: %w", err)
		}
		l.layers[d.Digest] = d
	}
	img, err := partial.CompressedToImage(l)
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", dir, err)
	}
	return img, nil
}

// untrusted is an image in a directory, as the library wants one.
type untrusted struct {
	root             *os.Root
	dir              string
	of               v1.Descriptor
	manifest, config []byte
	layers           map[v1.Hash]v1.Descriptor
}

// MediaType is that of the manifest.
func (l *untrusted) MediaType() (types.MediaType, error) { return l.of.MediaType, nil }

// RawManifest is the manifest.
func (l *untrusted) RawManifest() ([]byte, error) { return l.manifest, nil }

// RawConfigFile is the image's configuration.
func (l *untrusted) RawConfigFile() ([]byte, error) { return l.config, nil }

// LayerByDigest is one of the layers.
func (l *untrusted) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	d, ok := l.layers[h]
	if !ok {
		return nil, fmt.Errorf("image: %s has no layer %s", l.dir, h)
	}
	return blob{l, d}, nil
}

// blob is one layer.
type blob struct {
	in *untrusted
	d  v1.Descriptor
}

// Digest is that of the layer as it is pushed.
func (b blob) Digest() (v1.Hash, error) { return b.d.Digest, nil }

// Size is in bytes.
func (b blob) Size() (int64, error) { return b.d.Size, nil }

// MediaType is that of the layer.
func (b blob) MediaType() (types.MediaType, error) { return b.d.MediaType, nil }

// Compressed is its content.
func (b blob) Compressed() (io.ReadCloser, error) { return b.in.open(blobPath(b.d.Digest), b.d.Size) }

func blobPath(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// open opens a regular file of a size; -1 is any.
func (l *untrusted) open(name string, size int64) (*os.File, error) {
	// Opening a pipe would wait for somebody who writes to it.
	f, err := l.root.OpenFile(path.Join(l.dir, name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s/%s is not a regular file", l.dir, name)
	case size >= 0 && info.Size() != size:
		err = fmt.Errorf("%s/%s has %d bytes, the image says %d", l.dir, name, info.Size(), size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("image: %w", err), f.Close())
	}
	return f, nil
}

// document reads a file whole.
func (l *untrusted) document(name string, size int64) ([]byte, error) {
	f, err := l.open(name, size)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(f, mostDocument+1))
	if err == nil && len(text) > mostDocument {
		err = fmt.Errorf("%s/%s is larger than %d bytes", l.dir, name, mostDocument)
	}
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return text, nil
}

// blob reads a document by its digest, which it has to have.
func (l *untrusted) blob(d v1.Descriptor) ([]byte, error) {
	text, err := l.document(blobPath(d.Digest), d.Size)
	if err != nil {
		return nil, err
	}
	got, _, err := v1.SHA256(bytes.NewReader(text))
	if err == nil && got != d.Digest {
		err = fmt.Errorf("%s: blob %s has the digest %s", l.dir, d.Digest, got)
	}
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return text, nil
}
