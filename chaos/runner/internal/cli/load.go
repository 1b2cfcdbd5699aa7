package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func newLoad(s streams, code *int) *cobra.Command {
	var (
		rate     float64
		name     string
		duration time.Duration
		timeout  time.Duration
		listen   string
		strict   bool
		lookups  bool
		podsPort uint16
		podsPath string
		token    string
		ca       string
	)
	cmd := &cobra.Command{
		Use:   "load URL",
		Short: "Send open-loop load and serve what clients saw as Prometheus metrics",
		Long: `load requests URL at a fixed rate, whatever the server does, and counts what a
client would have seen. Each request is sent once, over HTTP/1.1 with kept
connections. One without a whole 2xx answer within --timeout is an error.

At the end, after --duration or an interrupt, it waits for the answers that are
still due, at most one --timeout; a second interrupt ends it at once. Then it
prints the totals as JSON: scheduled = success + errors, the times p50 and p99, by how
much the load itself was late (lagP99Seconds), and the errors by reason:

  unsent   not sent in time: the machine that load runs on is too slow
  connect  no connection in time: refused, unreachable, unknown name, TLS failed
  reset    sent, and the connection ended before a whole header of an answer
  timeout  sent, and no whole answer in time
  cut      the answer ended within its body
  status   the answer's status was not 2xx

Failing requests are logged one by one, up to 100 in a burst and one a second in
a long outage.

With --pods-port, /probe?target=IP:PORT beside /metrics asks a single pod past its
Service, over fresh connections, and answers what that was like as metrics. Only
that port of private addresses is asked, for the URL's path or --pods-path.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// The lines about failing requests are at level debug: only this command shows them.
			log := s.logger(slog.LevelDebug)
			seen := &load.Recorder{}
			credentials, errCredentials := load.ReadCredentials(token, ca)
			g, err := newGenerator(load.Config{URL: args[0], Name: name, Rate: rate, Duration: duration, Timeout: timeout, Lookups: lookups, Credentials: credentials, Recorder: seen, Logger: log}, listen)
			if err = errors.Join(err, errCredentials); err != nil {
				return usageError{err}
			}
			handler, err := withPods(g.Handler(), cmd.Flags(), load.PodsConfig{URL: args[0], Path: podsPath, Name: name, Port: podsPort, Credentials: credentials})
			if err != nil {
				return usageError{err}
			}
			ctx := cmd.Context()
			stop, err := serveMetrics(ctx, listen, handler, log)
			if err != nil {
				return usageError{err}
			}
			defer stop()
			if err := g.Run(ctx); err != nil {
				return err
			}
			st := g.Stats()
			if strict && st.Errors > 0 {
				*code = exitErrors
			}
			return json.NewEncoder(s.out).Encode(totalsOf(st, seen.Take()))
		},
	}
	f := cmd.Flags()
	f.Float64Var(&rate, "rate", 100, "requests per second")
	f.StringVar(&name, "name", "", "what is measured, as label probe of the metrics (default: the first part of the URL's host name)")
	f.DurationVar(&duration, "duration", 0, "for how long requests are scheduled; 0 is until interrupted")
	f.DurationVar(&timeout, "timeout", time.Second, "a request without an answer by then is an error, counted from its scheduled time")
	f.BoolVar(&strict, "fail-on-error", false, "exit 1 when a request failed")
	f.BoolVar(&lookups, "lookups", false, "look the URL's host name up once a second, and serve how the last five lookups went")
	f.StringVar(&listen, "listen", "127.0.0.1:0", "address of /metrics")
	f.Uint16Var(&podsPort, "pods-port", 0, "port of single pods, which /probe?target=IP:PORT asks; 0 is not at all")
	f.StringVar(&token, "token-file", "", "`path` of a file whose first line is a bearer token, sent with every request")
	f.StringVar(&ca, "ca-file", "", "`path` of a PEM file with the certificates of the CAs to trust, instead of this machine's")
	f.StringVar(&podsPath, "pods-path", "", "what single pods are asked for (default: the URL's path)")
	return cmd
}

// withPods serves /probe beside the metrics when a port of pods is given.
func withPods(metrics http.Handler, flags *pflag.FlagSet, cfg load.PodsConfig) (http.Handler, error) {
	if cfg.Port == 0 {
		if flags.Changed("pods-path") {
			return nil, errors.New("--pods-path without --pods-port asks nobody; give the port of the pods, such as --pods-port 8080")
		}
		return metrics, nil
	}
	pods, err := load.NewPods(cfg)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /probe", pods)
	mux.Handle("/", metrics)
	return mux, nil
}

// loadTotals is what load prints at its end.
type loadTotals struct {
	Errors    uint64            `json:"errors"`
	Failures  map[string]uint64 `json:"failures,omitempty"` // errors by reason
	Scheduled uint64            `json:"scheduled"`
	Success   uint64            `json:"success"`
	// From when a request was due to its outcome, and by how much requests were sent late.
	P50    result.Seconds `json:"p50Seconds"`
	P99    result.Seconds `json:"p99Seconds"`
	LagP99 result.Seconds `json:"lagP99Seconds"`
}

func totalsOf(st load.Stats, seen load.Seen) loadTotals {
	return loadTotals{
		Errors: st.Errors, Failures: st.Failures, Scheduled: st.Scheduled, Success: st.Success,
		P50: result.InSeconds(seen.P50), P99: result.InSeconds(seen.P99), LagP99: result.InSeconds(seen.LagP99),
	}
}

// newGenerator reports every wrong value at once. load.New takes a zero for its
// default, which nobody means who writes it.
func newGenerator(cfg load.Config, listen string) (*load.Generator, error) {
	var errs []error
	if cfg.Duration < 0 {
		errs = append(errs, fmt.Errorf("--duration %s is negative; give how long, or 0 to go on until interrupted", cfg.Duration))
		cfg.Duration = 0 // for the other problems
	}
	if cfg.Timeout == 0 {
		errs = append(errs, errors.New("--timeout 0: no request could be answered by then; want more than 0, such as 1s"))
		cfg.Timeout = time.Second // for the other problems
	}
	if listen == "" {
		errs = append(errs, errors.New("--listen is empty, which would be every address of this machine; give one, such as 127.0.0.1:0"))
	}
	g, err := load.New(cfg)
	return g, errors.Join(append(errs, err)...)
}

// exitErrors is load's exit code under --fail-on-error: that of a failed experiment.
const exitErrors = 1

// serveMetrics serves h until stop is called, which waits for the server to end.
func serveMetrics(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; choose another address, or port 0 for a free one", addr, err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics server ended", "error", err)
		}
	}()
	log.Info("serving metrics", "url", "http://"+l.Addr().String()+"/metrics")
	return func() {
		if err := srv.Close(); err != nil {
			log.Warn("closing the metrics server", "error", err)
		}
		<-done
	}, nil
}
