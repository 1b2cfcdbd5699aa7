package httpapi

import (
	"context"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	profilesRoute = "/debug/pprof/"
	// maxProfile is how long a profile may take, in seconds.
	maxProfile = 60
)

// profiles serves those of the Go runtime. The command line is not among them.
type profiles struct {
	drained <-chan struct{}
	// timed is held by the one profile that takes its time: the runtime can
	// make only one of a kind.
	timed sync.Mutex
}

func (p *profiles) serve(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("name"), "/")
	for parameter, values := range c.Request.URL.Query() {
		least, most := 0, 2 // of debug and gc
		switch {
		case parameter == "seconds" && (name == "profile" || name == "trace"):
			least, most = 1, maxProfile
		case parameter != "debug" && parameter != "gc" || name == "profile" || name == "trace":
			badParameter(c, parameter, "this profile does not have it")
			return
		}
		if n, err := strconv.Atoi(values[0]); err != nil || n < least || n > most {
			badParameter(c, parameter, "write a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
			return
		}
	}
	switch name {
	case "profile":
		p.take(c, pprof.Profile)
	case "trace":
		p.take(c, pprof.Trace)
	case "cmdline", "symbol":
		problem(c, http.StatusNotFound, "there is no such profile; "+profilesRoute+" lists them")
	default:
		pprof.Index(c.Writer, c.Request)
	}
}

// take blocks until the profile is made, or draining begins, which ends it
// early.
func (p *profiles) take(c *gin.Context, profile http.HandlerFunc) {
	if !p.timed.TryLock() {
		c.Header("Retry-After", "5")
		problem(c, http.StatusServiceUnavailable, "another profile is being made")
		return
	}
	defer p.timed.Unlock()
	ctx, cancel := context.WithCancel(c.Request.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-p.drained:
			cancel()
		case <-ctx.Done():
		}
	})
	defer watch.Wait()
	defer cancel()
	// The server's time for a request would end it.
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{})
	profile(c.Writer, c.Request.WithContext(ctx))
}
