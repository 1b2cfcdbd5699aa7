package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/internal/image"
)

// build makes the image, or the index of one for each architecture, brings it to
// wherever it was asked for, and returns its digest.
func build(ctx context.Context, o options, name string) (_ string, err error) {
	r, err := find(name)
	if err != nil {
		return "", err
	}
	if err := o.check(); err != nil {
		return "", err
	}
	dir := o.binDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "image-"); err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	programs := map[string]string{}
	for _, arch := range o.archs {
		programs[arch] = filepath.Join(dir, r.program+"-"+arch)
		if err := compile(ctx, r, arch, programs[arch]); err != nil {
			return "", err
		}
	}
	made, err := o.made(name, r, programs)
	if err != nil {
		return "", err
	}
	if img, ok := made.(v1.Image); ok && o.archive != "" {
		if err := image.Save(img, o.ref, o.archive); err != nil {
			return "", err
		}
	}
	if o.push != "" {
		var opts []image.Option
		if o.insecure {
			opts = append(opts, image.Insecure())
		}
		if err := image.Push(ctx, made, o.push, opts...); err != nil {
			return "", err
		}
	}
	return image.Digest(made)
}

// check returns every problem of the flags together.
func (o options) check() error {
	var errs []error
	if o.archive != "" && o.ref == "" {
		errs = append(errs, errors.New("--archive needs --ref, the image's name in it"))
	}
	if o.archive != "" && len(o.archs) > 1 {
		errs = append(errs, errors.New("--archive holds an image for one architecture; name one with --arch, or use --layout"))
	}
	if len(o.archs) == 0 || slices.Contains(o.archs, "") {
		errs = append(errs, errors.New("--arch names no architecture; name amd64, arm64 or both"))
	}
	for i, arch := range o.archs {
		if arch != "" && slices.Contains(o.archs[:i], arch) {
			errs = append(errs, fmt.Errorf("--arch names %s twice", arch))
		}
	}
	return errors.Join(errs...)
}

// compile makes the program. Neither the commit nor the machine is part of it: what
// did not change keeps its digest, and is not rolled out again. src/monitor/Dockerfile
// has the same flags, and a test that they give the same bytes.
func compile(ctx context.Context, r recipe, arch, bin string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, r.pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not build: %w\n%s", r.program, err, out)
	}
	return nil
}

// made packs the programs, and writes the layout if one is asked for. A layout that was
// made of the same programs before is used again: packing takes longer than comparing.
func (o options) made(name string, r recipe, programs map[string]string) (image.Artifact, error) {
	if o.layout == "" {
		return o.pack(name, r, programs)
	}
	of, err := o.madeOf(name, programs)
	if err != nil {
		return nil, err
	}
	note := o.layout + ".made-of"
	if before, err := os.ReadFile(note); err == nil && string(before) == of {
		if made, err := image.ArtifactFromLayout(o.layout); err == nil {
			return made, nil
		}
	}
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made, err := o.pack(name, r, programs)
	if err != nil {
		return nil, err
	}
	if err := image.SaveLayout(made, o.layout); err != nil {
		return nil, err
	}
	return made, os.WriteFile(note, []byte(of), 0o600)
}

// madeOf is a digest of everything that decides the result: the image's name, the
// architectures in their order, their programs, and this program with its recipes.
func (o options) madeOf(name string, programs map[string]string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := fmt.Fprintln(sum, name, strings.Join(o.archs, ",")); err != nil {
		return "", err
	}
	paths := []string{self}
	for _, arch := range o.archs {
		paths = append(paths, programs[arch])
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// pack puts the program of each architecture on an empty file system.
func (o options) pack(name string, r recipe, programs map[string]string) (image.Artifact, error) {
	images := make([]v1.Image, 0, len(o.archs))
	for _, arch := range o.archs {
		files, err := image.Files(append(image.Accounts(), image.Program(programs[arch], "/"+r.program))...)
		if err != nil {
			return nil, err
		}
		img, err := image.Build(image.Config{
			Arch: arch, Entrypoint: []string{"/" + r.program}, User: fmt.Sprintf("%d:%d", image.Nobody, image.Nobody), Env: r.env,
			Labels: map[string]string{"org.opencontainers.image.title": name, "org.opencontainers.image.description": r.description},
		}, files)
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	if len(images) == 1 {
		return images[0], nil
	}
	return image.Index(images...)
}
