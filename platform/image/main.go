// Command image builds one of the platform's own images by name, without a daemon:
// a static program on an empty file system. It prints the image's digest.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/internal/image"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// programs are the packages that have an image each, and what it runs by default.
func programs() map[string]program {
	return map[string]program{
		"monitor": {pkg: "./src/monitor", description: "The monitoring service"},
		"ballast": {pkg: "./chaos/runner", description: "The chaos runner and load generator"},
	}
}

type program struct{ pkg, description string }

type options struct {
	arch, binDir, push, archive, ref, layout string
	insecure, inputs                         bool
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var o options
	names := strings.Join(slices.Sorted(maps.Keys(programs())), "|")
	cmd := &cobra.Command{
		Use: "image " + names, Short: "Build one of the platform's own images and print its digest",
		Args: cobra.ExactArgs(1), SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			answer := build
			if o.inputs {
				answer = inputs
			}
			text, err := answer(cmd.Context(), o, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(stdout, text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.arch, "arch", runtime.GOARCH, "architecture")
	f.StringVar(&o.binDir, "bin-dir", "", "directory in which the program is kept between builds (default: a temporary one)")
	f.StringVar(&o.push, "push", "", "push to this REGISTRY/NAME:TAG, with Docker's credentials")
	f.BoolVar(&o.insecure, "insecure", false, "speak plain HTTP to the registry")
	f.StringVar(&o.archive, "archive", "", "write a file for `docker load` and `kind load image-archive`; needs --ref")
	f.StringVar(&o.ref, "ref", "", "NAME:TAG in the archive")
	f.StringVar(&o.layout, "layout", "", "write an OCI layout into this directory")
	f.BoolVar(&o.inputs, "inputs", false, "build nothing: print the files and directories of this repository that the image is made of")
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "image: %v\n", err)
		return 1
	}
	return 0
}

func find(name string) (program, error) {
	p, ok := programs()[name]
	if !ok {
		return p, fmt.Errorf("there is no image %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(programs())), ", "))
	}
	return p, nil
}

// inputs are what an image and its recipe are made of, a line each, relative to the
// repository: the directories of the packages, whose embedded files lie in them too,
// and what says which modules and compiler are used. While none of it changes, no
// other package can come to it.
func inputs(ctx context.Context, _ options, name string) (string, error) {
	p, err := find(name)
	if err != nil {
		return "", err
	}
	// A module may be replaced by a directory of the repository.
	const format = "{{with .Module}}{{if .Main}}{{$.ImportPath}} {{.Path}}{{else}}{{with .Replace}}{{if not .Version}}{{.Path}} .{{end}}{{end}}{{end}}{{end}}"
	out, err := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, p.pkg, "./platform/image").Output()
	if err != nil {
		return "", fmt.Errorf("packages of %s: %w", name, err)
	}
	all := []string{"go.mod", "go.sum"}
	for line := range strings.Lines(string(out)) {
		pkg, module, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			all = append(all, strings.TrimPrefix(pkg, module+"/"))
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n"), nil
}

func build(ctx context.Context, o options, name string) (_ string, err error) {
	p, err := find(name)
	if err != nil {
		return "", err
	}
	if o.archive != "" && o.ref == "" {
		return "", errors.New("--archive needs --ref, the image's name in it")
	}
	dir := o.binDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "image-"); err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	bin := filepath.Join(dir, name+"-"+o.arch)
	if err := compile(ctx, name, p, o.arch, bin); err != nil {
		return "", err
	}
	img, err := o.image(name, p, bin)
	if err != nil {
		return "", err
	}
	if o.archive != "" {
		if err := image.Save(img, o.ref, o.archive); err != nil {
			return "", err
		}
	}
	if o.push != "" {
		var opts []image.Option
		if o.insecure {
			opts = append(opts, image.Insecure())
		}
		if err := image.Push(ctx, img, o.push, opts...); err != nil {
			return "", err
		}
	}
	return image.Digest(img)
}

// compile makes the program. Neither the commit nor the machine is part of it: what
// did not change keeps its digest, and is not rolled out again.
func compile(ctx context.Context, name string, p program, arch, bin string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, p.pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not build: %w\n%s", name, err, out)
	}
	return nil
}

// image puts the program on an empty file system, and into the layout when there is
// one. A layout that the same two programs, this one and that, made before is taken
// as it is: packing takes longer than finding out.
func (o options) image(name string, p program, bin string) (v1.Image, error) {
	if o.layout == "" {
		return pack(name, p, o.arch, bin)
	}
	made, err := madeOf(bin)
	if err != nil {
		return nil, err
	}
	note := o.layout + ".made-of"
	if before, err := os.ReadFile(note); err == nil && string(before) == made {
		if img, err := image.FromLayout(o.layout); err == nil {
			return img, nil
		}
	}
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	img, err := pack(name, p, o.arch, bin)
	if err != nil {
		return nil, err
	}
	if err := image.SaveLayout(img, o.layout); err != nil {
		return nil, err
	}
	return img, os.WriteFile(note, []byte(made), 0o600)
}

// madeOf names what an image is made of: the program, and this one, which is the recipe.
func madeOf(bin string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, path := range []string{self, bin} {
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

func pack(name string, p program, arch, bin string) (v1.Image, error) {
	files, err := image.Files(append(image.Accounts(), image.Program(bin, "/"+name))...)
	if err != nil {
		return nil, err
	}
	return image.Build(image.Config{
		Arch: arch, Entrypoint: []string{"/" + name}, User: fmt.Sprintf("%d:%d", image.Nobody, image.Nobody),
		Labels: map[string]string{"org.opencontainers.image.title": name, "org.opencontainers.image.description": p.description},
	}, files)
}
