package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Build says what was built from what.
type Build struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

func (a *API) version(c *gin.Context) { c.JSON(http.StatusOK, a.cfg.Build) }
