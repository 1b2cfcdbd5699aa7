package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

const bareListens = `bare handler on (127\.0\.0\.1:[0-9]+)`

// newBare is the least that net/http can do: a handler that writes the bytes of a file.
func newBare() *cobra.Command {
	return &cobra.Command{
		Use: "bare FILE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var lc net.ListenConfig
			l, err := lc.Listen(cmd.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			length := strconv.Itoa(len(body))
			server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", length)
				_, _ = w.Write(body) // the client counts answers
			})}
			defer context.AfterFunc(cmd.Context(), func() { _ = server.Close() })()
			fmt.Fprintf(cmd.OutOrStdout(), "bare handler on %s\n", l.Addr())
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
}
