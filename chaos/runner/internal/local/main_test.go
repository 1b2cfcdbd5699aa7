package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes the test binary also the keeper, the stressor and a monitor:
// processes of their own, without anything to build.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch {
		case os.Args[1] == KeeperCommand:
			os.Exit(KeeperMain(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
		case os.Args[1] == runnerCommand:
			if err := runnerMain(os.Args[2]); err != nil {
				panic(err)
			}
		case os.Args[1] == StressCommand:
			os.Exit(StressMain(context.Background(), os.Args[2:], os.Stderr))
		case strings.HasPrefix(os.Args[1], "--listen="):
			os.Exit(monitorMain(os.Args[1:]))
		}
	}
	goleak.VerifyTestMain(m)
}

// runnerCommand runs a runner to be killed.
const runnerCommand = "__runner"

// runnerMain starts an environment under root with a stressor beside it, tells of
// the processes' ids and waits for its end, which is not its own doing.
func runnerMain(root string) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	e, err := Start(context.Background(), Config{
		Monitor: path, Self: path, TempRoot: root, Scrape: 200 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	if err := e.dir.note("killed-run"); err != nil {
		return err
	}
	stressor, err := e.keeper.spawn(context.Background(), []string{path, StressCommand, runDirFlag + e.dir.path, "--run=killed-run/x", "--memory=4096"}, e.dir.path, e.dir.path+"/stress.log")
	if err != nil {
		return err
	}
	fmt.Print(e.keeper.cmd.Process.Pid, " ", stressor.pid)
	for _, p := range e.fleet.all() {
		fmt.Print(" ", p.state().container.pid)
	}
	fmt.Println()
	<-e.Done()
	return errors.New("the keeper went first")
}

// monitorMain is a monitor as this package needs one: it answers, says where it
// listens, and drains on SIGTERM.
func monitorMain(args []string) int {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	option := func(name string) string {
		for _, a := range args {
			if v, ok := strings.CutPrefix(a, "--"+name+"="); ok {
				return v
			}
		}
		return ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var draining atomic.Bool
	mux := http.NewServeMux()
	text := func(path, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	}
	text("/healthz", "ok")
	text(probePath, `{"usage":0.5}`)
	text("/metrics", strings.Repeat("# a comment as long as a sample of a metric would be\n", 800)+"monitor_up 1\n")
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if draining.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", option("listen"))
	if err != nil {
		logger.Error("listen", "error", err)
		return 1
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	file := option("address-file")
	if err := os.WriteFile(file+".new", []byte(l.Addr().String()+"\n"), 0o600); err != nil {
		logger.Error("address", "error", err)
		return 1
	}
	if err := os.Rename(file+".new", file); err != nil {
		logger.Error("address", "error", err)
		return 1
	}
	<-ctx.Done()
	draining.Store(true)
	if pause, err := time.ParseDuration(option("drain-pause")); err == nil {
		time.Sleep(pause)
	}
	down, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := server.Shutdown(down); err != nil {
		return 1
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	return 0
}

// self is the test binary's path.
func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// monitor is the test binary, or the real monitor when its path is given.
func monitor(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("BALLAST_TEST_MONITOR"); path != "" {
		return path
	}
	return self(t)
}

// quietLogger tells the test's log of warnings, and of all with -v.
func quietLogger(t testing.TB) *slog.Logger {
	t.Helper()
	level := slog.LevelWarn
	if testing.Verbose() {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
}
