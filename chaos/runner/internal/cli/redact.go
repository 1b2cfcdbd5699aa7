package cli

import (
	"log/slog"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// redactAttr takes the secrets out of what is logged.
func redactAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(result.Redact(v))
	case error:
		a.Value = slog.StringValue(result.Redact(v.Error()))
	}
	return a
}
