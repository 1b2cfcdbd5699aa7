package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Problem is the body of every error, after RFC 9457.
type Problem struct {
	// Type is about:blank: Title and Status say what kind it is.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Parameter is the query parameter that is wrong, if one is.
	Parameter string `json:"parameter,omitempty"`
}

// problem ends the request with an error.
func problem(c *gin.Context, status int, detail string) { parameterProblem(c, status, "", detail) }

// badParameter ends a request whose parameter is wrong.
func badParameter(c *gin.Context, name, detail string) {
	parameterProblem(c, http.StatusBadRequest, name, fmt.Sprintf("parameter %q: %s", name, detail))
}

func parameterProblem(c *gin.Context, status int, parameter, detail string) {
	body, err := json.Marshal(Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Parameter: parameter,
	})
	if err != nil {
		// Strings and a number always encode; this line is unreachable.
		body = nil
	}
	c.Abort()
	c.Data(status, "application/problem+json", body)
}
