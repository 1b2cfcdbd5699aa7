package httpapi

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestFailedHandshakesAreForDebugging(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		var b bytes.Buffer
		s := NewServer(http.NotFoundHandler(), slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level})))
		s.ErrorLog.Print("http: TLS handshake error from 127.0.0.1:1: EOF")
		s.ErrorLog.Print("http: something else")
		if got, want := strings.Count(b.String(), "\n"), 1+int(slog.LevelInfo-level)/4; got != want || !strings.Contains(b.String(), `"level":"WARN","msg":"http: something else"`) {
			t.Errorf("at %s: %s", level, b.String())
		}
	}
}
