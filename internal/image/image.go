// Package image makes OCI images from files, without a daemon and without a
// recipe language: the same files give the same bytes, and so the same digest,
// wherever and whenever it runs.
package image

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Nobody is the user and group of images that run one static program: a number,
// so that a cluster can see without looking into the image that it is not root.
const Nobody = 65532

// Config is what an image says about how to run it.
type Config struct {
	Arch       string // amd64, arm64; required
	Entrypoint []string
	Args       []string // appended to Entrypoint unless the caller gives others
	User       string   // uid[:gid]; empty is root
	WorkDir    string   // empty is /
	Env        map[string]string
	Labels     map[string]string
}

// Build puts layers on top of each other. Layers that are empty are left out.
func Build(cfg Config, layers ...v1.Layer) (v1.Image, error) {
	if cfg.Arch == "" {
		return nil, fmt.Errorf("image: no architecture is given")
	}
	base := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	img, err := mutate.AppendLayers(base, layers...)
	if err != nil {
		return nil, fmt.Errorf("image: append layers: %w", err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", cfg.Arch
	// The time of the build is not a part of what was built.
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	file.History = nil
	file.Config = v1.Config{
		Entrypoint: cfg.Entrypoint, Cmd: cfg.Args, User: cfg.User, WorkingDir: cfg.WorkDir, Labels: cfg.Labels,
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Env)) {
		file.Config.Env = append(file.Config.Env, name+"="+cfg.Env[name])
	}
	if !strings.Contains(strings.Join(file.Config.Env, "\n"), "PATH=") {
		file.Config.Env = append(file.Config.Env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	img, err = mutate.ConfigFile(img, file)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return img, nil
}

// Index combines images for different architectures into one index, from which each
// machine pulls its own. Their order is part of the digest.
func Index(images ...v1.Image) (v1.ImageIndex, error) {
	var adds []mutate.IndexAddendum
	of := map[string]bool{}
	for _, img := range images {
		file, err := img.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("image: %w", err)
		}
		if of[file.Architecture] {
			return nil, fmt.Errorf("image: an index has two images for %s", file.Architecture)
		}
		of[file.Architecture] = true
		adds = append(adds, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: file.OS, Architecture: file.Architecture},
		}})
	}
	if len(adds) == 0 {
		return nil, errors.New("image: an index needs at least one image")
	}
	return mutate.AppendManifests(empty.Index, adds...), nil
}
