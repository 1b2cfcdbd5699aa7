// Command image builds one of the platform's own images by name, without a daemon:
// a static program on an empty file system. It prints the image's digest.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	archs                              []string
	binDir, push, archive, ref, layout string
	insecure, inputs                   bool
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var o options
	cmd := &cobra.Command{
		Use: "image " + strings.Join(slices.Sorted(maps.Keys(recipes())), "|"), Short: "Build one of the platform's own images and print its digest",
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
	f.StringSliceVar(&o.archs, "arch", []string{runtime.GOARCH}, "architectures; of several, one index is made")
	f.StringVar(&o.binDir, "bin-dir", "", "directory in which programs are kept between builds, and for other images of the same program (default: a temporary one)")
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
