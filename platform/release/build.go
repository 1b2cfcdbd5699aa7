package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/internal/image"
)

// mostProgram bounds what is read of an image into memory, in bytes.
const mostProgram = 1 << 30

// marker is a file in the directory of a release: the next release may replace it.
const marker = ".release"

type buildFlags struct {
	root, revision string
	images, arches []string
}

func newBuild(dir *string) *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use: "build", Short: "Build the images for every architecture, each with its bill of materials", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var errs []error
			if len(f.images) == 0 || slices.Contains(f.images, "") {
				errs = append(errs, errors.New("--image is missing: a name of platform/image, like monitor"))
			}
			if len(f.arches) == 0 || slices.Contains(f.arches, "") {
				errs = append(errs, errors.New("--arch is missing: amd64, arm64 or both"))
			}
			if err := errors.Join(errs...); err != nil {
				return usageError{err}
			}
			return f.build(cmd.Context(), *dir)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.root, "root", ".", "checkout of the repository")
	flags.StringVar(&f.revision, "revision", "", "commit of the sources; without it, HEAD of a clean work tree")
	flags.StringSliceVar(&f.images, "image", nil, "names of images that platform/image builds")
	flags.StringSliceVar(&f.arches, "arch", []string{"amd64", "arm64"}, "architectures")
	return cmd
}

func (f buildFlags) build(ctx context.Context, dir string) error {
	revision := f.revision
	if revision == "" {
		var err error
		if revision, err = cleanRevision(ctx, f.root); err != nil {
			return err
		}
	}
	if err := makeRoom(dir); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, marker), nil, 0o644)); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // What is left is temporary.
	builder := filepath.Join(tmp, "image")
	if err := command(ctx, f.root, "go", "build", "-o", builder, "./platform/image"); err != nil {
		return err
	}
	r := record{Revision: revision, Images: map[string]built{}}
	for _, name := range f.images {
		images := map[string]v1.Image{}
		for _, arch := range f.arches {
			out := filepath.Join(tmp, name+"-"+arch)
			if err := command(ctx, f.root, builder, "--arch="+arch, "--layout="+out, name); err != nil {
				return err
			}
			if images[arch], err = image.FromLayout(out); err != nil {
				return err
			}
		}
		if r.Images[name], err = store(dir, name, revision, images); err != nil {
			return err
		}
	}
	return save(dir, r)
}

// makeRoom removes the release before this one: if this build stops halfway, the directory
// must not look like a release. A directory that holds anything else is left alone.
func makeRoom(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	mark := filepath.Join(dir, marker)
	if _, err := os.Stat(mark); err != nil {
		return usageError{fmt.Errorf("--dir %s holds files, but no release; name another directory", dir)}
	}
	return os.RemoveAll(dir)
}

// store writes one image with its bills and programs into the directory of the release.
func store(dir, name, revision string, images map[string]v1.Image) (built, error) {
	index, err := join(images)
	if err != nil {
		return built{}, fmt.Errorf("%s: %w", name, err)
	}
	if err := image.SaveLayout(index, layoutDir(dir, name)); err != nil {
		return built{}, err
	}
	digest, err := image.Digest(index)
	if err != nil {
		return built{}, err
	}
	b := built{Digest: digest, Platforms: map[string]platform{}}
	for arch, img := range images {
		contents, err := look(img)
		if err != nil {
			return b, fmt.Errorf("%s for %s: %w", name, arch, err)
		}
		of, err := image.Digest(img)
		if err != nil {
			return b, err
		}
		text, err := bill(name, arch, revision, of, contents)
		if err != nil {
			return b, fmt.Errorf("%s for %s: %w", name, arch, err)
		}
		if err := os.WriteFile(billFile(dir, name, arch), text, 0o644); err != nil {
			return b, err
		}
		if err := os.WriteFile(programFile(dir, name, arch), contents.program, 0o644); err != nil {
			return b, err
		}
		b.Platforms[arch] = platform{Digest: of, Bill: digestOf(text)}
	}
	return b, nil
}

// join makes one index of the images of several architectures, sorted, so that the same
// images have the same digest.
func join(images map[string]v1.Image) (v1.ImageIndex, error) {
	list := make([]v1.Image, 0, len(images))
	for _, arch := range slices.Sorted(maps.Keys(images)) {
		file, err := images[arch].ConfigFile()
		if err != nil {
			return nil, err
		}
		if file.OS != "linux" || file.Architecture != arch {
			return nil, fmt.Errorf("%w: an image for linux/%s is for %s/%s", errInvalid, arch, file.OS, file.Architecture)
		}
		list = append(list, images[arch])
	}
	return image.Index(list...)
}

// contents is what an image has in it.
type contents struct {
	program []byte            // what it runs
	path    string            // of the program
	others  map[string][]byte // every other file that is not an account of the image's users
}

// look reads all files of an image.
func look(img v1.Image) (contents, error) {
	c := contents{others: map[string][]byte{}}
	config, err := img.ConfigFile()
	if err != nil {
		return c, err
	}
	if len(config.Config.Entrypoint) == 0 {
		return c, fmt.Errorf("%w: the image has no entrypoint", errInvalid)
	}
	c.path = config.Config.Entrypoint[0]
	known := map[string][]byte{}
	for _, f := range image.Accounts() {
		known[f.Path] = f.Content
	}
	files := mutate.Extract(img)
	defer files.Close()
	for r := tar.NewReader(io.LimitReader(files, mostProgram)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return c, err
		}
		at := path.Join("/", h.Name) //nolint:gosec // Nothing is written where it says.
		switch account, ok := known[at]; {
		case at == c.path && h.Typeflag == tar.TypeReg:
			c.program = data
		case ok && bytes.Equal(account, data):
		default:
			c.others[at] = data
		}
	}
	if c.program == nil {
		return c, fmt.Errorf("%w: the image has no file %s, which is its entrypoint", errInvalid, c.path)
	}
	return c, nil
}

// cleanRevision is the commit of a work tree without changes.
func cleanRevision(ctx context.Context, root string) (string, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // The arguments are this program's own.
		cmd.Dir = root
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("%w: git %s in %s: %w: %s; give --revision", errInvalid, args[0], root, err, oneLine(said.String()))
		}
		return strings.TrimSpace(string(out)), nil
	}
	changed, err := git("status", "--porcelain")
	if err != nil {
		return "", err
	}
	if changed != "" {
		first, _, _ := strings.Cut(changed, "\n")
		return "", fmt.Errorf("%w: the work tree has changes that are not committed (%s); commit them, or give --revision", errInvalid, first)
	}
	return git("rev-parse", "HEAD")
}

// command runs a program at the root. Its output is part of the error when it fails.
func command(ctx context.Context, root, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // The programs are this repository's own.
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, bytes.TrimSpace(out))
	}
	return nil
}

// oneLine is what a program printed, for a message.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
