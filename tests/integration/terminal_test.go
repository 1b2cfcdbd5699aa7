//go:build integration && linux

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestProgressSuitsWhereItIsShown(t *testing.T) {
	for _, c := range []struct {
		name             string
		terminal         bool
		env              []string
		escapes, colours bool
	}{
		{"a terminal gets a live block in colour", true, []string{"TERM=xterm", "NO_COLOR="}, true, true},
		{"NO_COLOR keeps the block and drops the colour", true, []string{"TERM=xterm", "NO_COLOR=1"}, true, false},
		{"a dumb terminal gets plain lines", true, []string{"TERM=dumb", "NO_COLOR="}, false, false},
		{"no terminal gets plain lines", false, []string{"TERM=xterm", "NO_COLOR="}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			screen, line := pipe(t)
			if c.terminal {
				screen, line = terminal(t)
			}
			cmd := h.command("run", "--out", t.TempDir(), document(t, podKill))
			cmd.Env = h.environment(c.env...)
			cmd.Stdin, cmd.Stdout = line, line
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line.Close()
			text := until(t, screen, "baseline", func() {
				if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
					t.Error(err)
				}
			})
			_ = cmd.Wait() // its exit code says it
			if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(text, "interrupted") {
				t.Errorf("exit code %d, want 3 and the reason: %q", code, text)
			}
			if got := strings.Contains(text, "\x1b"); got != c.escapes {
				t.Errorf("escape sequences: %t, want %t: %q", got, c.escapes, text)
			}
			if got := colours.MatchString(text); got != c.colours {
				t.Errorf("colours: %t, want %t: %q", got, c.colours, text)
			}
		})
	}
}

// until reads everything that is shown, to its end, and calls then once when the
// text has come by.
func until(t *testing.T, screen *os.File, text string, then func()) string {
	t.Helper()
	var shown bytes.Buffer
	for buf := make([]byte, 4096); ; {
		n, err := screen.Read(buf)
		shown.Write(buf[:n])
		if then != nil && bytes.Contains(shown.Bytes(), []byte(text)) {
			then()
			then = nil
		}
		// The end of a terminal's last program is EIO on this side.
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if then != nil {
		t.Fatalf("%q was never shown: %q", text, shown.String())
	}
	return shown.String()
}

func pipe(t *testing.T) (screen, line *os.File) {
	t.Helper()
	screen, line, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return screen, line
}

// terminal opens a pseudo-terminal: what a person would see, and the line that
// the program has.
func terminal(t *testing.T) (screen, line *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	return screen, line
}
