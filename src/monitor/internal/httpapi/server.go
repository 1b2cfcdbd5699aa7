package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// NewServer returns a server of the handler whose every wait on a client
// has an end, so that slow or silent clients cannot hold it.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(serverLog{logger.Handler()}, slog.LevelWarn),
	}
}

// serverLog is for what net/http says. Handshakes that fail are for debugging:
// whoever looks whether the port is open makes one.
type serverLog struct{ slog.Handler }

// Handle implements slog.Handler.
func (l serverLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "http: TLS handshake error") {
		if r.Level = slog.LevelDebug; !l.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return l.Handler.Handle(ctx, r)
}
