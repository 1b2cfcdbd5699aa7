package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// leakChecked fails the package's tests when a goroutine outlives them.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if os.Getenv(asksEnv) != "" {
		return code // the library keeps its connections, and ends with its process
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestMain makes the test binary also ballast itself, for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"ballast": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// lines collects what a program writes while it runs.
type lines struct {
	text chan string
}

func (l lines) Write(b []byte) (int, error) {
	l.text <- string(b)
	return len(b), nil
}

func TestTheFirstSignalEndsTheWorkInOrder(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	signals := make(chan os.Signal, 2)
	log := lines{make(chan string, 100)}
	var out strings.Builder
	code := make(chan int, 1)
	go func() {
		code <- serve([]string{"load", "--rate", "10", server.URL}, streams{out: &out, err: log}, signals)
	}()
	<-log.text // it serves its metrics
	signals <- syscall.SIGTERM
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
	if !strings.Contains(out.String(), `"scheduled"`) {
		t.Errorf("the work did not end in order, there are no totals: %q", out.String())
	}
}

func TestAnInterruptedLoadWaitsForAnswersUntilASecondInterrupt(t *testing.T) {
	start := func(t *testing.T, answer func(*net.TCPConn)) (signals chan os.Signal, code chan int, out *strings.Builder, server *rawServer) {
		t.Helper()
		asked := make(chan struct{}, 1000)
		server, err := newRawServer(t.Context(), func(c *net.TCPConn) {
			asked <- struct{}{}
			answer(c)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.close)
		signals, code, out = make(chan os.Signal, 2), make(chan int, 1), &strings.Builder{}
		go func() {
			code <- serve([]string{"load", "--rate", "10", "--timeout", "20s", server.url()}, streams{out: out, err: io.Discard}, signals)
		}()
		<-asked
		signals <- syscall.SIGTERM
		return signals, code, out, server
	}
	t.Run("it waits", func(t *testing.T) {
		_, code, out, _ := start(t, func(c *net.TCPConn) {
			r := bufio.NewReader(c)
			for {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
				if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
					return
				}
			}
		})
		if got := <-code; got != exitOK {
			t.Errorf("exit code %d, want %d", got, exitOK)
		}
		if !strings.HasPrefix(out.String(), `{"errors":0,"scheduled":`) {
			t.Errorf("totals %q, want no error", out)
		}
	})
	t.Run("not for longer than is wanted", func(t *testing.T) {
		signals, code, _, server := start(t, silent)
		select {
		case got := <-code:
			t.Fatalf("the first signal ended it: exit code %d", got)
		case <-time.After(50 * time.Millisecond):
		}
		signals <- syscall.SIGINT
		if got := <-code; got != exitSecondSignal {
			t.Errorf("exit code %d, want %d", got, exitSecondSignal)
		}
		server.close() // ends the work, too
	})
}

func TestASecondSignalEndsTheProgramThoughTheWorkGoesOn(t *testing.T) {
	// Opening a pipe that nobody writes to cannot be interrupted.
	pipe := filepath.Join(t.TempDir(), "report.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("there are no named pipes here: %v", err)
	}
	signals := make(chan os.Signal, 2)
	var out, errOut strings.Builder
	code := make(chan int, 1)
	go func() { code <- serve([]string{"report", pipe}, streams{out: &out, err: &errOut}, signals) }()
	signals <- syscall.SIGINT
	select {
	case got := <-code:
		t.Fatalf("the first signal ended it: exit code %d", got)
	case <-time.After(50 * time.Millisecond):
	}
	signals <- syscall.SIGINT
	if got := <-code; got != exitSecondSignal {
		t.Errorf("exit code %d, want %d", got, exitSecondSignal)
	}
	// Let the work end, too.
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}
