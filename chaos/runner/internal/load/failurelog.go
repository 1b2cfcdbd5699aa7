package load

import (
	"log/slog"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/time/rate"
)

// failureLog writes a line for each of a burst of failing requests, so that each
// can be held against what happened when it was sent. In a long outage it writes
// one a second.
type failureLog struct {
	logger   *slog.Logger
	lines    *rate.Limiter
	unlogged int
}

func newFailureLog(logger *slog.Logger) *failureLog {
	return &failureLog{logger: logger, lines: rate.NewLimiter(rate.Every(time.Second), 100)}
}

func (f *failureLog) failed(now time.Time, why reason, due time.Time, r *vegeta.Result) {
	if !f.lines.AllowN(now, 1) {
		f.unlogged++
		return
	}
	text := r.Error
	if text == "" && r.Code/100 == 2 {
		text = "answered after its time was over"
	}
	f.logger.Debug("request failed", "reason", why.String(), "due", due, "sent", r.Timestamp,
		"seconds", r.Latency.Seconds(), "status", r.Code, "error", text, "unlogged_before", f.unlogged)
	f.unlogged = 0
}
