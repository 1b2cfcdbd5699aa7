package source

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// leavesNothing fails the test when a goroutine of it is left after its clean-up.
func leavesNothing(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// listen listens on loopback, or on a socket in a directory of its own.
func listen(t *testing.T, network string) net.Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// echo answers each connection, once its other end has said all, with what that said
// in capitals.
func echo(t *testing.T) (address string) {
	t.Helper()
	l := listen(t, "tcp")
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test ends
			}
			work.Go(func() {
				defer conn.Close()
				said, err := io.ReadAll(conn)
				if err != nil {
					return // the door was shut
				}
				_, _ = conn.Write(bytes.ToUpper(said)) // nobody may listen any more
			})
		}
	})
	t.Cleanup(func() { l.Close(); work.Wait() })
	return l.Addr().String()
}

// door forwards beside the test until the function that it returns has been called.
func door(t *testing.T, l net.Listener, to string) (shut func() (log string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	var log bytes.Buffer
	work.Go(func() { forward(ctx, l, to, slog.New(slog.NewTextHandler(&log, nil))) })
	shut = func() string { cancel(); work.Wait(); return log.String() }
	t.Cleanup(func() { shut() })
	return shut
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// Far off: what never comes fails, and does not hang.
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func endWriting(t *testing.T, conn net.Conn) {
	t.Helper()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		t.Fatalf("%T has no half", conn)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

func TestADoorPassesBothWaysAndTheEndOfEach(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			leavesNothing(t)
			l := listen(t, network)
			shut := door(t, l, echo(t))
			long := strings.Repeat("what is said ", 1<<16) // more than a buffer holds
			var callers sync.WaitGroup
			for range 3 {
				conn := dial(t, l)
				callers.Go(func() {
					if _, err := io.WriteString(conn, long); err != nil {
						t.Error(err)
					}
					endWriting(t, conn)
					if got, err := io.ReadAll(conn); err != nil || string(got) != strings.ToUpper(long) {
						t.Errorf("%d bytes came back of %d, %v", len(got), len(long), err)
					}
				})
			}
			callers.Wait()
			if log := shut(); log != "" {
				t.Errorf("it complains: %s", log)
			}
		})
	}
}

func TestADoorThatIsShutEndsWhatGoesThroughIt(t *testing.T) {
	leavesNothing(t)
	inside := listen(t, "tcp")
	l := listen(t, "tcp")
	shut := door(t, l, inside.Addr().String())
	conn := dial(t, l)
	if _, err := io.WriteString(conn, "half a question"); err != nil {
		t.Fatal(err)
	}
	within, err := inside.Accept() // it has gone through
	if err != nil {
		t.Fatal(err)
	}
	defer within.Close()
	if log := shut(); log != "" {
		t.Errorf("it complains: %s", log)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("the caller reads %d bytes more", n)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Error("it can be entered")
	}
}

func TestADoorToNobodyStaysOpen(t *testing.T) {
	nobody := listen(t, "tcp")
	address := nobody.Addr().String()
	nobody.Close()
	l := listen(t, "tcp")
	shut := door(t, l, address)
	for range 2 {
		if got, err := io.ReadAll(dial(t, l)); len(got) > 0 {
			t.Errorf("somebody says %q, %v", got, err)
		}
	}
	if log := shut(); log != "" {
		t.Errorf("it complains: %s", log)
	}
}

func TestADoorThatSomebodyElseShutsSaysSo(t *testing.T) {
	l := listen(t, "tcp")
	var log bytes.Buffer
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	forward(t.Context(), l, "10.0.0.1:1", slog.New(slog.NewTextHandler(&log, nil)))
	if !strings.Contains(log.String(), "a door is shut") || !strings.Contains(log.String(), "to=10.0.0.1:1") {
		t.Errorf("it says %q", &log)
	}
}

func TestOnlyTheOwnerReachesAPrivateSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.sock")
	write(t, path, "what a killed node left")
	for range 2 { // the second replaces the first
		l, err := privateSocket(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		unix, ok := l.(*net.UnixListener)
		if !ok {
			t.Fatalf("%T", l)
		}
		unix.SetUnlinkOnClose(false) // as if it was killed
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Type() != os.ModeSocket || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("it is %s", info.Mode())
		}
		dial(t, l)
		l.Close()
	}
	if _, err := privateSocket(t.Context(), filepath.Join(t.TempDir(), "absent", "socket")); err == nil {
		t.Error("there is a socket in no directory")
	}
}
