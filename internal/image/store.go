package image

import (
	"context"
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
)

// Digest is the digest by which a registry will know the image: sha256:….
func Digest(img v1.Image) (string, error) {
	d, err := img.Digest()
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

// Push sends the image to a registry under ref, HOST[:PORT]/NAME:TAG. Without As, the
// credentials are those that Docker's own configuration holds for that host. Only what
// the registry lacks is sent.
func Push(ctx context.Context, img v1.Image, ref string, opts ...Option) error {
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
	if err := remote.Write(tag, img, p.remote...); err != nil {
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

// SaveLayout writes the image as an OCI layout into a directory, which it replaces.
// Unlike an archive for Docker it keeps the digest.
func SaveLayout(img v1.Image, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if err := l.AppendImage(img); err != nil {
		return fmt.Errorf("image: save %s: %w", dir, err)
	}
	return nil
}

// FromLayout reads the only image of an OCI layout.
func FromLayout(dir string) (v1.Image, error) {
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
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", dir, err)
	}
	return img, nil
}
