package httpapi

import (
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// inFlight caps the requests that are being answered. One connection of HTTP/2
// can have many.
type inFlight struct {
	most int64
	now  atomic.Int64
}

func (f *inFlight) cap(c *gin.Context) {
	defer f.now.Add(-1)
	if f.now.Add(1) > f.most && f.most > 0 && !isProbe(c.Request.URL.Path) {
		c.Header("Retry-After", "1")
		problem(c, http.StatusServiceUnavailable, "too many requests are being answered: there may be "+strconv.FormatInt(f.most, 10))
		return
	}
	c.Next()
}
