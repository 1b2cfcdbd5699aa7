package source

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPortOnLoopback(t *testing.T) {
	free := freePorts(t, 1)[0]
	taken := listen(t, "tcp").Addr().(*net.TCPAddr).Port //nolint:errcheck // a TCP listener has no other
	tests := map[string]struct {
		wanted int
		same   bool
	}{
		"is the one wanted when that is free":   {free, true},
		"is another when that is taken":         {taken, false},
		"is any when none is wanted":            {0, false},
		"is another when there is no such port": {1 << 17, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, got, err := loopback(tt.wanted)
			if err != nil {
				t.Fatal(err)
			}
			if (got == tt.wanted) != tt.same || got <= 0 {
				t.Errorf("it is %d, wanted was %d", got, tt.wanted)
			}
			if actual := portOf(t, f); actual != got {
				t.Errorf("it is said to be %d, and is %d", got, actual)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if !tt.same {
				return
			}
			// Nothing else must hold it, or the node would never have it again.
			if f, got, err = loopback(tt.wanted); err != nil || got != tt.wanted {
				t.Fatalf("once more it is %d, %v", got, err)
			}
			f.Close()
		})
	}
}

func TestSettingsReachTheNode(t *testing.T) {
	n := nodeIn(t)
	if _, err := readSettings(n.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before they are written: %v", err)
	}
	want := settingsOf("sandbox", n.dir)
	want.RestrictOOMScore = true
	if err := n.writeSettings(want); err != nil {
		t.Fatal(err)
	}
	got, err := readSettings(n.dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	write(t, n.in("settings.json"), "{")
	if _, err := readSettings(n.dir); err == nil {
		t.Error("broken ones are read")
	}
}

// What runs as part of a node is this program again, and says so when a person
// starts it.
func TestThePartsOfANodeDoNotStartAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		main func(args []string, stderr *bytes.Buffer) int
		args []string
		says string
	}{
		"process 1, when it is not":              {func(args []string, stderr *bytes.Buffer) int { return InitMain(t.Context(), args, stderr) }, []string{t.TempDir()}, "this is process 1 of a node; `cluster up` starts it"},
		"the supervisor, without a directory":    {func(args []string, stderr *bytes.Buffer) int { return NodeMain(t.Context(), args, stderr) }, nil, "this is the supervisor of a node; `cluster up` starts it"},
		"the supervisor of what was not made":    {func(args []string, stderr *bytes.Buffer) int { return NodeMain(t.Context(), args, stderr) }, []string{t.TempDir()}, "no such file or directory"},
		"the supervisor, with too many of these": {func(args []string, stderr *bytes.Buffer) int { return NodeMain(t.Context(), args, stderr) }, []string{"a", "b"}, "this is the supervisor of a node; `cluster up` starts it"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := tt.main(tt.args, &stderr); code != 70 || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("exit code %d, want 70 and %q: %s", code, tt.says, &stderr)
			}
		})
	}
}

func TestANodeKeepsTheProgramThatStartedIt(t *testing.T) {
	n := nodeIn(t)
	if n.current() {
		t.Error("a node that was never started is of this program")
	}
	for range 2 { // the second replaces the first
		path, err := n.keepSelf()
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || path != filepath.Join(n.dir, KeptSelf) || info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v, %v", path, info, err)
		}
		if !n.current() {
			t.Error("it is another program")
		}
	}
	write(t, n.in(KeptSelf), "an older build")
	if n.current() {
		t.Error("an older build is this program")
	}
	n.dir = filepath.Join(n.dir, "absent")
	if _, err := n.keepSelf(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}
