//go:build integration && linux

// Package integration drives the built binaries as a person does, on real
// processes and without a cluster: it kills them, interrupts them, freezes what
// they started and reads the evidence that they leave. `make integration` runs it.
//
// BALLAST_BIN_DIR names a directory with ballast, monitor, changes and release to use instead of
// building them, BALLAST_KILLS how often a runner is killed (30), BALLAST_SEED
// the moments at which.
package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

var (
	repository string // the checkout's directory
	binaries   string // where ballast and monitor are
)

func TestMain(m *testing.M) {
	os.Exit(prepared(m))
}

func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ballast-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// As many fleets side by side as the runner itself would start.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(runtime.NumCPU()+1)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build makes the binaries in dir, unless they are given.
func build(dir string) error {
	var err error
	if repository, err = filepath.Abs(filepath.Join("..", "..")); err != nil {
		return err
	}
	binaries = dir
	if given := os.Getenv("BALLAST_BIN_DIR"); given != "" {
		binaries, err = filepath.Abs(given)
		return err
	}
	for name, pkg := range map[string]string{"ballast": "./chaos/runner", "monitor": "./src/monitor", "changes": "./platform/changes", "release": "./platform/release"} {
		cmd := exec.CommandContext(context.Background(), "go", "build", "-o", filepath.Join(dir, name), pkg)
		cmd.Dir = repository
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}
