package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
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

// A pod that shares the node's network reaches what the node itself does.
func TestPodsPullFromTheRegistryAndCannotPush(t *testing.T) {
	leavesNothing(t)
	dir, err := os.MkdirTemp("", "node-") //nolint:usetesting // the names of tests are too long for paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	behind, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, registry.Socket))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(behind) }) // it is closed below
	defer func() { server.Close(); work.Wait() }()
	s := settings{Dir: dir, NodeAddress: "127.0.0.1", RegistryPort: freePorts(t, 1)[0]}
	ctx, stop := context.WithCancel(t.Context())
	serve, err := registryDoor(ctx, s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	work.Go(serve)
	defer stop()
	passwords, err := registry.Passwords(dir)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for sentence, tt := range map[string]struct {
		method, password string
		want             int
	}{
		"whoever asks may pull":                      {http.MethodGet, "", http.StatusNoContent},
		"nobody pushes without a password":           {http.MethodPost, "", http.StatusUnauthorized},
		"the builder pushes with its own":            {http.MethodPost, passwords[registry.Builder], http.StatusNoContent},
		"nobody removes an image without a password": {http.MethodDelete, "", http.StatusUnauthorized},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, fmt.Sprintf("http://127.0.0.1:%d/v2/x/blobs/uploads/", s.RegistryPort), nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.password != "" {
			req.SetBasicAuth(registry.Builder, tt.password)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%s: %s, want %d", sentence, res.Status, tt.want)
		}
	}
	if _, err := registryDoor(t.Context(), s, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two listen on one port")
	}
	s.Dir = filepath.Join(dir, "absent")
	if _, err := registryDoor(t.Context(), s, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it opens without passwords")
	}
}
