package promserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
)

// api answers Prometheus' HTTP API, as far as its Go client and Grafana ask for it.
type api struct {
	*Server
	parser parser.Parser
}

// newAPI routes the API. There are no CORS headers: no page of another origin has
// any business here.
func newAPI(s *Server) http.Handler {
	a := &api{Server: s, parser: parser.NewParser(parser.Options{})}
	mux := http.NewServeMux()
	var endpoints []string
	answer := func(path string, h func(*http.Request) (any, annotations.Annotations, error), methods ...string) {
		endpoints = append(endpoints, path)
		for _, m := range methods {
			mux.HandleFunc(m+" "+path, func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseForm(); err != nil {
					fail(w, badData("form", err))
					return
				}
				data, notes, err := h(r)
				if err != nil {
					fail(w, err)
					return
				}
				succeed(w, r.FormValue("query"), data, notes)
			})
		}
	}
	get, post := http.MethodGet, http.MethodPost
	answer("/api/v1/query", a.query, get, post)
	answer("/api/v1/query_range", a.queryRange, get, post)
	answer("/api/v1/series", a.series, get, post)
	answer("/api/v1/labels", a.labelNames, get, post)
	answer("/api/v1/label/{name}/values", a.labelValues, get)
	answer("/api/v1/rules", a.ruleGroups, get)
	answer("/api/v1/alerts", a.alerts, get)
	answer("/api/v1/targets", a.targets, get)
	answer("/api/v1/metadata", a.metadata, get)
	answer("/api/v1/status/buildinfo", a.buildInfo, get)

	for _, path := range []string{"/-/ready", "/-/healthy"} {
		endpoints = append(endpoints, path)
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			plain(w, "Prometheus Server is "+map[string]string{"/-/ready": "Ready", "/-/healthy": "Healthy"}[path]+".\n")
		})
	}
	front := frontPage(endpoints)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(front) // The client is gone if this fails.
	})
	return mux
}

func frontPage(endpoints []string) []byte {
	var b strings.Builder
	b.WriteString("<!doctype html><title>Ballast: embedded Prometheus</title>\n<h1>Embedded Prometheus</h1>\n<p>The HTTP API of a Prometheus that lives inside ballast. Point Grafana at this address.</p>\n<ul>\n")
	for _, e := range endpoints {
		fmt.Fprintf(&b, "<li><code>%s</code>\n", html.EscapeString(e))
	}
	b.WriteString("</ul>\n")
	return []byte(b.String())
}

func plain(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // The client is gone if this fails.
}

// response is the envelope of every answer.
type response struct {
	Status    string   `json:"status"`
	Data      any      `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`
}

// apiError is an error with the status and the type that the API gives it.
type apiError struct {
	status int
	kind   string
	err    error
}

func (e *apiError) Error() string { return e.err.Error() }
func (e *apiError) Unwrap() error { return e.err }

func badData(parameter string, err error) error {
	return &apiError{http.StatusBadRequest, "bad_data", fmt.Errorf("invalid parameter %q: %w", parameter, err)}
}

// statusClientClosed is what Prometheus answers to a client that hung up.
const statusClientClosed = 499

// evaluationError sorts what the engine says.
func evaluationError(err error) error {
	var (
		canceled promql.ErrQueryCanceled
		timeout  promql.ErrQueryTimeout
		storage  promql.ErrStorage
	)
	switch {
	case errors.As(err, &canceled):
		return &apiError{statusClientClosed, "canceled", err}
	case errors.As(err, &timeout):
		return &apiError{http.StatusServiceUnavailable, "timeout", err}
	case errors.As(err, &storage):
		return &apiError{http.StatusInternalServerError, "internal", err}
	default:
		return &apiError{http.StatusUnprocessableEntity, "execution", err}
	}
}

func fail(w http.ResponseWriter, err error) {
	e := &apiError{http.StatusInternalServerError, "internal", err}
	errors.As(err, &e)
	send(w, e.status, response{Status: "error", ErrorType: e.kind, Error: e.Error()})
}

func succeed(w http.ResponseWriter, query string, data any, notes annotations.Annotations) {
	warnings, infos := notes.AsStrings(query, 10, 10)
	send(w, http.StatusOK, response{Status: "success", Data: data, Warnings: warnings, Infos: infos})
}

func send(w http.ResponseWriter, status int, r response) {
	body, err := json.Marshal(r)
	if err != nil {
		status = http.StatusInternalServerError
		body = []byte(`{"status":"error","errorType":"internal","error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // The client is gone if this fails.
}

// minTime and maxTime are the ends of time that the API takes when none is given,
// far enough from those of time.Time that milliseconds still fit.
func minTime() time.Time { return time.Unix(math.MinInt64/1000+62135596801, 0).UTC() }

func maxTime() time.Time { return time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC() }

// timeOf reads a time parameter: seconds, or RFC 3339.
func timeOf(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	switch text {
	// Years of more than four digits, which time.Parse refuses.
	case minTime().Format(time.RFC3339Nano):
		return minTime(), nil
	case maxTime().Format(time.RFC3339Nano):
		return maxTime(), nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		if ms := s * 1000; ms >= math.MinInt64/2 && ms <= math.MaxInt64/2 {
			return time.UnixMilli(int64(math.Round(ms))).UTC(), nil
		}
		return time.Time{}, badData(name, fmt.Errorf("%q is out of range", text))
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, badData(name, err)
	}
	return t, nil
}

// durationOf reads a duration parameter: seconds, or as Prometheus writes them.
func durationOf(r *http.Request, name string, otherwise time.Duration) (time.Duration, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		if ns := s * float64(time.Second); ns > 0 && ns < math.MaxInt64 {
			return time.Duration(ns), nil
		}
		return 0, badData(name, fmt.Errorf("%q is not a positive number of seconds", text))
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, badData(name, err)
	}
	if d <= 0 {
		return 0, badData(name, fmt.Errorf("%q is not positive", text))
	}
	return time.Duration(d), nil
}

// limitOf reads how many entries are wanted at the most; 0 means all.
func limitOf(r *http.Request) (int, error) {
	text := r.FormValue("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badData("limit", err)
	}
	if n < 0 {
		return 0, badData("limit", fmt.Errorf("%d is negative", n))
	}
	return n, nil
}
