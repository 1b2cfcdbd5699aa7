// Package hosttest gives tests a mount namespace of their own.
package hosttest

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inNamespace marks the process that may mount what it likes.
const inNamespace = "BALLAST_TEST_IN_MOUNT_NAMESPACE"

// Cannot skips a test that this machine does not allow, except in CI with
// the rights for it, where a test that never runs is worth nothing.
func Cannot(t *testing.T, why string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" && os.Getuid() == 0 {
		t.Fatalf("%s: %v", why, err)
	}
	t.Skipf("%s: %v", why, err)
}

// InMountNamespace runs a test in a process with a mount namespace of its own.
// It logs what that process logs.
func InMountNamespace(t *testing.T, test func(*testing.T)) {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		test(t)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, which may mount file systems")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v") //nolint:gosec // it is this very program
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		Cannot(t, "no mount namespace can be made here", err)
	case err != nil:
		t.Errorf("%v:\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case !strings.Contains(string(out), "--- PASS"):
		t.Errorf("the tests did not run:\n%s", out)
	default:
		t.Logf("%s", out)
	}
}
