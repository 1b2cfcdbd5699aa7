// Command receiver stands at the other end in tests on a cluster: it writes every
// request that it gets as a line of JSON to stdout, and as `receiver fetch URL` it
// makes one itself, exiting 1 when there was no answer. Drills begin with it, too: its
// metric drill_fault is 1 from a request of /break to one of /mend. It refuses what is sent
// to /refuse.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewJSONHandler(out, nil))
	var err error
	if len(args) == 2 && args[0] == "fetch" {
		err = fetch(ctx, args[1], log)
	} else {
		err = serve(ctx, log)
	}
	if err != nil {
		log.Error("failed", "error", err)
		return 1
	}
	return 0
}

// fetch makes one request and waits for its answer at most 3 s, which tells a policy
// that drops packets from a service that is slow.
func fetch(ctx context.Context, url string, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	log.Info("answered", "url", url, "status", res.StatusCode)
	return nil
}

// serve blocks until ctx ends.
func serve(ctx context.Context, log *slog.Logger) error {
	var fault atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE drill_fault gauge\ndrill_fault %d\n", fault.Load())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/refuse":
			w.WriteHeader(http.StatusBadRequest)
		case "/break":
			fault.Store(1)
		case "/mend":
			fault.Store(0)
		}
		const most = 1 << 20
		body, err := io.ReadAll(io.LimitReader(r.Body, most))
		log.Info("received", "method", r.Method, "path", r.URL.Path, "body", string(body), "error", err)
	})
	srv := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second, Handler: mux}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	log.Info("listening", "address", srv.Addr)
	if err := srv.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}
