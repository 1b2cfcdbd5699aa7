package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/app"
)

func TestACheckSaysWhatIsWrongAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	left, kept := filepath.Join(dir, "left"), filepath.Join(dir, "kept")
	if err := errors.Join(os.WriteFile(left, []byte("127.0.0.1:1\n"), 0o600), os.WriteFile(kept, []byte("somebody's\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		exit int
		want []string
	}{
		"nothing is wrong": {[]string{"--address-file", left}, app.ExitOK, []string{"valid"}},
		"much is wrong": {
			[]string{"--address-file", kept, "--listen", ":http-alt-alt", "--interval", "5", "--host-proc", "/nonexistent", "--allowed-hosts", "a/b", "--web-config", kept, "--token-file", "/nonexistent/tokens"},
			app.ExitUsage,
			[]string{kept, "http-alt-alt", "--interval", "/nonexistent", "a/b", "--web-config " + kept, "/nonexistent/tokens", "--help"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := command(t.Context(), t, append([]string{"--check"}, tc.args...)...)
			out, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tc.exit {
				t.Errorf("exit %d, want %d", got, tc.exit)
			}
			if (len(out) == 0) != (tc.exit != 0) || (stderr.Len() == 0) != (tc.exit == 0) {
				t.Errorf("stdout %q, stderr %q", out, stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(string(out)+stderr.String(), want) {
					t.Errorf("no %q in %s%s", want, out, stderr)
				}
			}
		})
	}
	for path, want := range map[string]string{left: "127.0.0.1:1\n", kept: "somebody's\n"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is now %q, %v", path, got, err)
		}
	}
}
