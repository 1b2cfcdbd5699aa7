package cli

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts is what a person meets at the command line before anything runs.
// Each script starts in an empty directory with a copy of the SLOs and rules.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, dir := range []string{"alerts", "chaos/experiments", "chaos/cluster-experiments", "chaos/local-experiments", "docs/metrics", "docs/reference", "docs/runbooks", "docs/examples"} {
				if err := os.CopyFS(filepath.Join(env.WorkDir, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
					return err
				}
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/missing" {
					http.NotFound(w, r)
				}
			}))
			env.Defer(server.Close)
			env.Setenv("SERVER", server.URL)
			env.Setenv("SERVER_ADDRESS", server.Listener.Addr().String())
			for name, serve := range map[string]func(*net.TCPConn){"SILENT": silent, "RESETTING": resetting} {
				raw, err := newRawServer(t.Context(), serve)
				if err != nil {
					return err
				}
				env.Defer(raw.close)
				env.Setenv(name, raw.url())
			}
			env.Setenv("UID", strconv.Itoa(os.Getuid()))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "untouched": untouched, "grow": grow,
		},
	})
}

// exits CODE PROGRAM ARG... runs a program that must end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// untouched fails when anything was started, which has a directory for its files.
func untouched(ts *testscript.TestScript, _ bool, _ []string) {
	entries, err := os.ReadDir(ts.Getenv("TMPDIR"))
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("something was started: %v", entries)
	}
}

// grow FILE BYTES lengthens a file by so many bytes of comment.
func grow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: grow FILE BYTES")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY, 0)
	ts.Check(err)
	filler := make([]byte, n)
	for i := range filler {
		filler[i] = '#'
	}
	_, err = f.Write(append(filler, '\n'))
	ts.Check(errors.Join(err, f.Close()))
}
