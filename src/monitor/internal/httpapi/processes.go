package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

const (
	// defaultProcesses is how many processes there are in an answer that
	// names an order, maxProcesses how many one may ask for.
	defaultProcesses = 20
	maxProcesses     = 1000
)

// processes returns the handler of the processes: those of a snapshot, or the
// first in an order.
func (a *API) processes(p *part) gin.HandlerFunc {
	shown := a.part(p)
	return func(c *gin.Context) {
		given, ok := parameters(c, "by", "limit")
		if !ok {
			return
		}
		if len(given) == 0 {
			shown(c)
			return
		}
		by, limit := sample.ByCPU, defaultProcesses
		if text, ok := given["by"]; ok {
			if by = sample.Order(text); by != sample.ByCPU && by != sample.ByMemory {
				badParameter(c, "by", fmt.Sprintf("write %s or %s", sample.ByCPU, sample.ByMemory))
				return
			}
		}
		if text, ok := given["limit"]; ok {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > maxProcesses {
				badParameter(c, "limit", fmt.Sprintf("write a number from 1 to %d", maxProcesses))
				return
			}
			limit = n
		}
		s := a.cfg.Snapshot()
		st, _ := s.Status(p.name)
		age, ok := st.Age(time.Now())
		if !ok {
			c.Header("Retry-After", "1")
			problem(c, http.StatusServiceUnavailable, noReading(st))
			return
		}
		encoded, err := json.Marshal(readingOf(st, s.Processes.Largest(by, limit)))
		if err != nil {
			a.notEncoded(c, p.name, err)
			return
		}
		c.Header("Age", strconv.Itoa(int(age.Seconds())))
		a.answer(c, newBody(encoded))
	}
}
