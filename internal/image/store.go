package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

var errNoArtifact = errors.New("neither an image nor an index")

// Artifact is what a tag of a registry points to: an image, or an index of images.
type Artifact interface {
	Digest() (v1.Hash, error)
	MediaType() (types.MediaType, error)
}

// Digest is the digest by which a registry will know the artifact: sha256:….
func Digest(a Artifact) (string, error) {
	d, err := a.Digest()
	if err != nil {
		return "", fmt.Errorf("image: %w", err)
	}
	return d.String(), nil
}

// Option changes how a registry is spoken to.
type Option func(*pushing)

type pushing struct {
	names  []name.Option
	remote []remote.Option
	as     authn.Authenticator
}

// Insecure speaks plain HTTP. To a registry on loopback that is so anyway.
func Insecure() Option { return func(p *pushing) { p.names = append(p.names, name.Insecure) } }

// Through sends all requests through a transport.
func Through(t http.RoundTripper) Option {
	return func(p *pushing) { p.remote = append(p.remote, remote.WithTransport(t)) }
}

// As gives this user and password, whatever Docker's own configuration holds.
func As(user, password string) Option {
	return func(p *pushing) { p.as = authn.FromConfig(authn.AuthConfig{Username: user, Password: password}) }
}

// Push sends an artifact, and the images of an index, to a registry under ref,
// HOST[:PORT]/NAME:TAG. Without As, it uses the credentials that Docker's configuration has
// for that host. It sends only what the registry lacks.
func Push(ctx context.Context, a Artifact, ref string, opts ...Option) error {
	p := pushing{remote: []remote.Option{remote.WithContext(ctx)}}
	for _, o := range opts {
		o(&p)
	}
	if p.as != nil {
		p.remote = append(p.remote, remote.WithAuth(p.as))
	} else {
		p.remote = append(p.remote, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	}
	tag, err := name.NewTag(ref, p.names...)
	if err != nil {
		return fmt.Errorf("image: %q is not the name of an image with a tag: %w", ref, err)
	}
	switch a := a.(type) {
	case v1.Image:
		err = remote.Write(tag, a, p.remote...)
	case v1.ImageIndex:
		err = remote.WriteIndex(tag, a, p.remote...)
	default:
		err = errNoArtifact
	}
	if err != nil {
		return fmt.Errorf("image: push %s: %w", ref, err)
	}
	return nil
}

// Save writes the image as an archive that `docker load`, `kind load
// image-archive` and `ctr images import` read, under the name ref.
func Save(img v1.Image, ref, file string) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return fmt.Errorf("image: %q is not the name of an image with a tag: %w", ref, err)
	}
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		return fmt.Errorf("image: save %s: %w", file, err)
	}
	return nil
}

// SaveLayout writes an artifact as an OCI layout into a directory, which it replaces.
// Unlike an archive for Docker it keeps the digest.
func SaveLayout(a Artifact, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	switch a := a.(type) {
	case v1.Image:
		err = l.AppendImage(a)
	case v1.ImageIndex:
		err = l.AppendIndex(a)
	default:
		err = errNoArtifact
	}
	if err != nil {
		return fmt.Errorf("image: save %s: %w", dir, err)
	}
	return nil
}

// ArtifactFromLayout reads the only artifact of an OCI layout.
func ArtifactFromLayout(dir string) (Artifact, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", dir, err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("image: %s holds %d images, want one", dir, len(manifest.Manifests))
	}
	only := manifest.Manifests[0]
	if only.MediaType.IsIndex() {
		inner, err := index.ImageIndex(only.Digest)
		if err != nil {
			return nil, fmt.Errorf("image: %s: %w", dir, err)
		}
		return inner, nil
	}
	img, err := index.Image(only.Digest)
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", dir, err)
	}
	return img, nil
}

// FromLayout reads the only image of an OCI layout, for one architecture.
func FromLayout(dir string) (v1.Image, error) {
	a, err := ArtifactFromLayout(dir)
	if err != nil {
		return nil, err
	}
	img, ok := a.(v1.Image)
	if !ok {
		return nil, fmt.Errorf("image: %s holds an index for several architectures; build the image for one", dir)
	}
	return img, nil
}
