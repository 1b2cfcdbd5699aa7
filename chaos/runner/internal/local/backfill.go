package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/internal/prom"
)

const (
	// Of the backfilled history, the newest part is as dense as live scrapes, the
	// older part only as dense as long windows need.
	denseHistory = 5 * time.Minute
	sparseStep   = 15 * time.Second
	// Latencies in seconds of the requests in the history, and of the slow ones during an
	// incident.
	healthyLatency, slowLatency = 0.003, 0.9
)

// families reads what a /metrics handler exposes now.
func families(ctx context.Context, h http.Handler) (map[string]*dto.MetricFamily, error) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		return nil, fmt.Errorf("metrics: status %d", rec.Code)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(rec.Body)
}

// Incident is an outage in the backfilled history, so that a run begins with part of an
// error budget spent. Begin and End are how long before the first live sample.
type Incident struct {
	Begin, End time.Duration
	// Failed is the share of requests without an answer, Slow that of slow answers; both
	// are below 1. Failed requests fail at once.
	Failed, Slow float64
}

// count is how many requests it has hit by t, at a rate per second and that share. end is
// the end of the history.
func (i Incident) count(share, rate float64, t, end time.Time) float64 {
	lasted := min(t.Sub(end.Add(-i.Begin)), i.Begin-i.End)
	return math.Floor(share * rate * max(0, lasted).Seconds())
}

// history invents the past of a load generator that has sent rate requests per second
// for the span before end, all answered well but for those of the incident: what alert
// windows that are longer than the run need to see. The series are those that the
// generator exposes, so that live samples continue them; a counter that starts again at
// zero is a restart, which rate and increase know. Labels are those of the target.
func history(exposed map[string]*dto.MetricFamily, labels map[string]string, rate float64, incidents []Incident, end time.Time, span, step time.Duration) ([]prom.Series, error) {
	requests, ok := exposed["probe_requests_total"]
	if !ok {
		return nil, errors.New("history: the load generator exposes no probe_requests_total")
	}
	for _, i := range incidents {
		if i.Begin > span {
			return nil, fmt.Errorf("history: an incident %s ago is before its beginning; no rule looks back further than %s", i.Begin, span)
		}
	}
	times := historyTimes(end, span, step)
	total := func(t time.Time) float64 { return math.Floor(rate * t.Sub(times[0]).Seconds()) }
	failed := func(t time.Time) (n float64) {
		for _, i := range incidents {
			n += i.count(i.Failed, rate, t, end)
		}
		return n
	}
	slow := func(t time.Time) (n float64) {
		for _, i := range incidents {
			n += i.count(i.Slow, rate, t, end)
		}
		return n
	}
	var out []prom.Series
	add := func(name string, extra map[string]string, value func(time.Time) float64) {
		s := prom.Series{Labels: map[string]string{"__name__": name}, Points: make([]prom.Sample, len(times))}
		for _, ls := range []map[string]string{labels, extra} {
			for k, v := range ls {
				s.Labels[k] = v
			}
		}
		for i, t := range times {
			s.Points[i] = prom.Sample{T: t, V: value(t)}
		}
		out = append(out, s)
	}
	for _, m := range requests.GetMetric() {
		value, ls := failed, labelsOf(m)
		if ls["outcome"] == "success" {
			value = func(t time.Time) float64 { return total(t) - failed(t) }
		}
		add("probe_requests_total", ls, value)
	}
	for _, m := range exposed["probe_request_duration_seconds"].GetMetric() {
		add("probe_request_duration_seconds_count", labelsOf(m), total)
		add("probe_request_duration_seconds_sum", labelsOf(m), func(t time.Time) float64 { return healthyLatency*(total(t)-slow(t)) + slowLatency*slow(t) })
		for _, b := range m.GetHistogram().GetBucket() {
			ls := labelsOf(m)
			value := func(time.Time) float64 { return 0 }
			switch bound := b.GetUpperBound(); {
			case bound >= slowLatency:
				value = total
			case bound >= healthyLatency:
				value = func(t time.Time) float64 { return total(t) - slow(t) }
			}
			ls["le"] = leLabel(b.GetUpperBound())
			add("probe_request_duration_seconds_bucket", ls, value)
		}
	}
	return out, nil
}

// historyTimes ascends to end, dense near it.
func historyTimes(end time.Time, span, step time.Duration) []time.Time {
	var times []time.Time
	start, dense := end.Add(-span), end.Add(-min(span, denseHistory))
	for t := start; t.Before(dense); t = t.Add(max(step, sparseStep)) {
		times = append(times, t)
	}
	for t := dense; !t.After(end); t = t.Add(step) {
		times = append(times, t)
	}
	return times
}

func labelsOf(m *dto.Metric) map[string]string {
	ls := map[string]string{}
	for _, l := range m.GetLabel() {
		ls[l.GetName()] = l.GetValue()
	}
	return ls
}

// leLabel writes a bucket's bound as Prometheus 3 stores it: always as a float.
func leLabel(bound float64) string {
	if math.IsInf(bound, 1) {
		return "+Inf"
	}
	s := strconv.FormatFloat(bound, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
