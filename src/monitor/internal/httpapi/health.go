package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Health is the body of /healthz and of a good /readyz.
type Health struct {
	Status string `json:"status"`
}

// live says that the process answers. It knows nothing of collectors or of
// draining: no restart would mend a hanging mount, and a restart while
// draining would cut requests.
func (a *API) live(c *gin.Context) {
	c.JSON(http.StatusOK, Health{Status: "ok"})
}

// ready says whether to send requests here. A stale reading does not make
// the service unready: the last good one is still the best there is.
func (a *API) ready(c *gin.Context) {
	if a.draining.Load() {
		problem(c, http.StatusServiceUnavailable, "draining: this process is about to end")
		return
	}
	s := a.cfg.Snapshot()
	if missing := s.Missing(); len(missing) > 0 {
		names := make([]string, len(missing))
		for i, m := range missing {
			names[i] = string(m)
		}
		detail := "no reading yet from "
		if st, _ := s.Status(missing[0]); st.Unsupported {
			detail = "nothing can be read here: unsupported are "
		}
		c.Header("Retry-After", "1")
		problem(c, http.StatusServiceUnavailable, detail+strings.Join(names, ", "))
		return
	}
	c.JSON(http.StatusOK, Health{Status: "ready"})
}
