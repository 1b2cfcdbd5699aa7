package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// maxQuery is how long a query may be, in bytes: a mount point has at most
// 4096, and each can be three as it is written.
const maxQuery = 12 << 10

// parameters returns the query's parameters, each of which may be given once.
// It answers with a problem, and returns false, for one that the route does
// not have: a slip of the pen must not be taken for a question about all.
func parameters(c *gin.Context, known ...string) (map[string]string, bool) {
	raw := c.Request.URL.RawQuery
	if len(raw) > maxQuery {
		problem(c, http.StatusRequestURITooLong, fmt.Sprintf("the query is longer than %d bytes", maxQuery))
		return nil, false
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		problem(c, http.StatusBadRequest, "the query cannot be read: "+err.Error())
		return nil, false
	}
	given := make(map[string]string, len(values))
	for _, name := range sortedKeys(values) {
		switch {
		case !slices.Contains(known, name):
			badParameter(c, name, "this path has no such parameter; "+offer(known))
			return nil, false
		case len(values[name]) > 1:
			badParameter(c, name, "it is given more than once")
			return nil, false
		case values[name][0] == "":
			badParameter(c, name, "it is empty; write its value, or leave it out")
			return nil, false
		}
		given[name] = values[name][0]
	}
	return given, true
}

func offer(known []string) string {
	if len(known) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(known, ", ")
}

func sortedKeys(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// withoutParameters is for routes that take none.
func withoutParameters(h gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if _, ok := parameters(c); ok {
			h(c)
		}
	}
}
