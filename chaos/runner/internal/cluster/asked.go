package cluster

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// asked counts the requests that the API server gets, but for those that it passes on to
// a service: these are questions of Prometheus.
type asked struct {
	http.RoundTripper
	requests *atomic.Int64
}

func (a asked) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Path, "/proxy/") {
		a.requests.Add(1)
	}
	return a.RoundTripper.RoundTrip(r) //nolint:wrapcheck // a transport returns what it got
}
