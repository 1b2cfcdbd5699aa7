package httpapi

import "github.com/gin-gonic/gin"

// admit refuses requests of those who may not ask.
func (a *API) admit(c *gin.Context) {
	if a.cfg.Admit == nil || isProbe(c.Request.URL.Path) {
		return
	}
	if status, detail := a.cfg.Admit(c.Writer.Header(), c.Request); status != 0 {
		problem(c, status, detail)
	}
}
