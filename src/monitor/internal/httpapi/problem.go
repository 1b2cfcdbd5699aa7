package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Problem is the body of every error, after RFC 9457.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// problem ends the request with an error.
func problem(c *gin.Context, status int, detail string) {
	body, err := json.Marshal(Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail})
	if err != nil {
		// Strings and a number always encode; this line is unreachable.
		body = nil
	}
	c.Abort()
	c.Data(status, "application/problem+json", body)
}
