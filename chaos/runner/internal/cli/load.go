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

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
)

func newLoad(s streams, code *int) *cobra.Command {
	var (
		rate     float64
		duration time.Duration
		timeout  time.Duration
		listen   string
		strict   bool
	)
	cmd := &cobra.Command{
		Use:   "load URL",
		Short: "Send open-loop load and serve what clients saw as Prometheus metrics",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// What requests fail of is told once a second, which only this command is for.
			log := s.logger(slog.LevelDebug)
			g, err := load.New(load.Config{URL: args[0], Rate: rate, Timeout: timeout, Logger: log})
			if err != nil {
				return usageError{err}
			}
			ctx := cmd.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			stop, err := serveMetrics(ctx, listen, g.Handler(), log)
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
			return json.NewEncoder(s.out).Encode(map[string]uint64{"scheduled": st.Scheduled, "success": st.Success, "errors": st.Errors})
		},
	}
	f := cmd.Flags()
	f.Float64Var(&rate, "rate", 100, "requests per second")
	f.DurationVar(&duration, "duration", 0, "how long; 0 is until interrupted")
	f.DurationVar(&timeout, "timeout", time.Second, "a request without an answer by then is an error, counted from its scheduled time")
	f.BoolVar(&strict, "fail-on-error", false, "exit 1 when a request failed")
	f.StringVar(&listen, "listen", "127.0.0.1:0", "address of /metrics")
	return cmd
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
