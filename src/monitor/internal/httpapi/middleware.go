package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// maxBody is how much of a body a request may have, in bytes. No route
// takes one.
const maxBody = 4 << 10

// recover turns a panic into a 500, so that one bad request does not cost
// the others their connection.
func (a *API) recover(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p) // net/http's own way to cut a connection
		}
		a.cfg.Logger.ErrorContext(c.Request.Context(), "handler panicked",
			slog.String("path", c.Request.URL.Path), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		if c.Writer.Written() {
			// Half an answer was sent; only a cut connection says so.
			panic(http.ErrAbortHandler)
		}
		problem(c, http.StatusInternalServerError, "the request failed; the log says why")
	}()
	c.Next()
}

// log writes the line after the answer, when there is something to say. At
// a thousand requests a second a line for each good one would cost more
// than the answer, so those are for debugging.
func (a *API) log(c *gin.Context) {
	start := time.Now()
	c.Next()
	level, status := slog.LevelDebug, c.Writer.Status()
	// 503 is how readiness and missing readings are told; it is no defect.
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		level = slog.LevelWarn
	}
	ctx := c.Request.Context()
	if !a.cfg.Logger.Enabled(ctx, level) {
		return
	}
	a.cfg.Logger.LogAttrs(ctx, level, "request",
		slog.String("method", c.Request.Method), slog.String("path", c.Request.URL.Path),
		slog.Int("status", status), slog.Int("bytes", c.Writer.Size()),
		slog.Float64("took_seconds", time.Since(start).Seconds()), slog.String("remote", c.Request.RemoteAddr))
}

// headers keep browsers from guessing types, and caches from passing old
// readings off as new.
func headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// closeWhenDraining moves kept-alive connections to another process while
// this one still answers; closing them idle instead could cut a request
// that is on its way.
func (a *API) closeWhenDraining(c *gin.Context) {
	if a.draining.Load() {
		c.Header("Connection", "close")
	}
}

// limitBody refuses a body that says it is too large, and stops reading one
// that does not say.
func limitBody(c *gin.Context) {
	if n := c.Request.ContentLength; n > maxBody {
		c.Header("Connection", "close")
		problem(c, http.StatusRequestEntityTooLarge, "the body is larger than "+strconv.Itoa(maxBody)+" bytes; no route takes one")
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
}
