package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/internal/image"
	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
)

// collector is the one image of the platform that is neither built from a push nor
// to be found in a registry of others.
const collector = "docker.io/ballast/otel-collector:v0.165.0"

// Images builds the image that no registry has and puts it into the cluster's own.
// The process on the host must run.
func (c *Cluster) Images(ctx context.Context) error {
	program, err := c.programs.Program("otel-collector", "otel-collector")
	if err != nil {
		return err
	}
	// A program has its own path for every content; the registry's files and this
	// note live and die together.
	made, note := collector+" "+program, c.in("images")
	before, err := os.ReadFile(note)
	if err == nil && string(before) == made {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	const path = "/otel-collector"
	layer, err := image.Files(append(image.Accounts(), image.Program(program, path))...)
	if err != nil {
		return fmt.Errorf("%s: %w", collector, err)
	}
	// It reads logs that are root's.
	img, err := image.Build(image.Config{Arch: runtime.GOARCH, Entrypoint: []string{path}}, layer)
	if err != nil {
		return fmt.Errorf("%s: %w", collector, err)
	}
	if err := c.Push(ctx, img, collector); err != nil {
		return err
	}
	return os.WriteFile(note, []byte(made), 0o600)
}

// Push puts an image into the cluster's registry. The nodes ask that one for names of
// docker.io only; others are refused.
func (c *Cluster) Push(ctx context.Context, img v1.Image, ref string) error {
	repository, err := repository(ref)
	if err != nil {
		return err
	}
	transport := registry.Through(c.dir)
	defer transport.CloseIdleConnections()
	if err := image.Push(ctx, img, "registry.kind/"+repository, image.Insecure(), image.Through(transport)); err != nil {
		return fmt.Errorf("image %s: %w", ref, err)
	}
	return nil
}

// repository is the name of an image of docker.io without the registry.
func repository(ref string) (string, error) {
	host, rest, ok := strings.Cut(ref, "/")
	switch {
	case !ok:
		return "library/" + ref, nil
	case host == "docker.io" && !strings.Contains(rest, "/"):
		return "library/" + rest, nil
	case host == "docker.io":
		return rest, nil
	case strings.ContainsAny(host, ".:") || host == "localhost":
		return "", fmt.Errorf("image %s: the nodes look for images of %s there only; give it a name without a host", ref, host)
	}
	return ref, nil
}
