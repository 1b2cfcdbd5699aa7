package httpapi

import (
	"fmt"
	"maps"
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
	most := make(map[string]int, len(known))
	for _, name := range known {
		most[name] = 1
	}
	values, ok := query(c, most)
	given := make(map[string]string, len(values))
	for name := range values {
		given[name] = values.Get(name)
	}
	return given, ok
}

// query is parameters for those that may be given several times: most is how
// often.
func query(c *gin.Context, most map[string]int) (url.Values, bool) {
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
	for _, name := range slices.Sorted(maps.Keys(values)) {
		n, known := most[name]
		switch {
		case !known:
			badParameter(c, name, "this path has no such parameter; "+offer(slices.Sorted(maps.Keys(most))))
		case len(values[name]) > n && n == 1:
			badParameter(c, name, "it is given more than once")
		case len(values[name]) > n:
			badParameter(c, name, fmt.Sprintf("it is given %d times; at most %d", len(values[name]), n))
		case slices.Contains(values[name], ""):
			badParameter(c, name, "it is empty; write its value, or leave it out")
		default:
			continue
		}
		return nil, false
	}
	return values, true
}

func offer(known []string) string {
	if len(known) == 0 {
		return "it takes none"
	}
	return "it takes " + strings.Join(known, ", ")
}

// withoutParameters is for routes that take none.
func withoutParameters(h gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		if _, ok := parameters(c); ok {
			h(c)
		}
	}
}
