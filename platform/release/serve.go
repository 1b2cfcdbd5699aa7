package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/spf13/cobra"
)

// newRegistry serves a registry for trying out a release. It keeps everything in memory and
// asks for no password, so it listens on loopback only.
func newRegistry(s streams) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "registry", Short: "Serve a registry on loopback for trying a release; its content is lost when it ends", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			host, _, err := net.SplitHostPort(address)
			if err != nil || !loopback(host) {
				return usageError{fmt.Errorf("--listen %q: want a loopback address like 127.0.0.1:5000, as anybody may push", address)}
			}
			listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", address)
			if err != nil {
				return fmt.Errorf("%w: %w", errUnavailable, err)
			}
			fmt.Fprintf(s.out, "%s\n", listener.Addr())
			return serve(cmd.Context(), listener)
		},
	}
	cmd.Flags().StringVar(&address, "listen", "127.0.0.1:5000", "loopback address")
	return cmd
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// serve blocks until ctx ends, and then gives requests that are under way five seconds.
func serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           registry.New(registry.WithReferrersSupport(true), registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(stop)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
