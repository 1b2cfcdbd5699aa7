package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// unmatched is the route label of requests that met no route: the path
// itself would let any client make series without end.
const unmatched = "unmatched"

// red is rate, errors and duration of requests.
type red struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newRED(reg prometheus.Registerer) (*red, error) {
	r := &red{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "monitor_http_requests_total",
			Help: "Requests answered, by route template.",
		}, []string{"method", "route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "monitor_http_request_duration_seconds",
			Help: "Time from the request's headers to the end of its answer, by route template.",
			// Answers come from memory: most take well under a millisecond.
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "monitor_http_requests_in_flight",
			Help: "Requests being answered.",
		}),
	}
	for _, c := range []prometheus.Collector{r.requests, r.duration, r.inFlight} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register request metrics: %w", err)
		}
	}
	return r, nil
}

func (r *red) middleware(c *gin.Context) {
	start := time.Now()
	r.inFlight.Inc()
	// Deferred, so that a request that panics is counted too.
	defer func() {
		r.inFlight.Dec()
		route := c.FullPath()
		if route == "" {
			route = unmatched
		}
		method := methodLabel(c.Request.Method)
		r.requests.WithLabelValues(method, route, strconv.Itoa(c.Writer.Status())).Inc()
		if route != streamRoute { // which lasts as long as somebody listens
			r.duration.WithLabelValues(method, route).Observe(time.Since(start).Seconds())
		}
	}()
	c.Next()
}

// methodLabel bounds the label: a method is any token that a client likes.
func methodLabel(method string) string {
	known := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace,
	}
	if slices.Contains(known, method) {
		return method
	}
	return "other"
}
