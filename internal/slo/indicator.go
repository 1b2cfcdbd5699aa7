package slo

import (
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/document"
)

// measure is what an indicator measures: events by two counters or by the buckets of a
// histogram, or whatever a query says at an instant.
type measure struct {
	known       bool // and without problems
	good, total string
	buckets     *parser.VectorSelector // of all bounds; its objectives say which
	query       string
	bad         bool // query is the ratio of bad events
	threshold   bool // objectives compare it with a value
	sliced      bool // by the SLO that names it: time slices are counted
}

func (r *reader) indicator(raw *rawSpec) measure {
	switch {
	case raw.Indicator != nil && raw.IndicatorRef != nil:
		r.Problem("spec.indicatorRef", "cannot be given together with an indicator; remove one of them")
	case raw.IndicatorRef != nil:
		if sli, known := named(r, "spec.indicatorRef", kindSLI, *raw.IndicatorRef, r.bundle.slis); known {
			return sli.measure
		}
	case raw.Indicator == nil:
		r.missing("spec.indicator", "describe good and total events there, or name an SLI with indicatorRef")
	default:
		return r.measure("spec.indicator.spec", raw.Indicator.Spec)
	}
	return measure{}
}

// measure reads what an indicator's spec measures. It is not known where that is bad.
func (r *reader) measure(at string, raw *rawSLISpec) measure {
	if raw == nil {
		r.missing(at, "give its ratioMetric or thresholdMetric")
		return measure{}
	}
	before := len(r.Problems)
	var m measure
	switch {
	case raw.RatioMetric != nil && raw.ThresholdMetric != nil:
		r.Problem(at+".thresholdMetric", "cannot be given together with ratioMetric; remove one of them")
	case raw.ThresholdMetric != nil:
		m = r.thresholdMetric(at+".thresholdMetric", raw.ThresholdMetric)
	case raw.RatioMetric == nil:
		if !r.Bad(at + ".thresholdMetric") {
			r.missing(at+".ratioMetric", "give its good and total counters, or a thresholdMetric")
		}
	case raw.RatioMetric.Raw != nil || raw.RatioMetric.RawType != nil:
		m = r.raw(at+".ratioMetric", raw.RatioMetric)
	default:
		m.good, m.total = r.ratio(at+".ratioMetric", raw.RatioMetric)
	}
	m.known = len(r.Problems) == before && (m.good != "" || m.query != "" || m.buckets != nil)
	return m
}

// ratio reads the counters of good and of all events.
func (r *reader) ratio(at string, m *rawRatio) (good, total string) {
	total, totalRated := r.query(at+".total", m.Total, "give the counter of all events")
	rated := totalRated
	switch {
	case m.Good != nil && m.Bad != nil:
		r.Problem(at+".bad", "cannot be given together with good; remove one of them")
	case m.Bad != nil:
		var bad string
		bad, rated = r.query(at+".bad", m.Bad, "give the counter of bad events")
		good = r.complement(at+".bad", bad, total)
	default:
		good, rated = r.query(at+".good", m.Good, "give the counter of good events, or that of bad ones")
	}
	if good != "" && good == total {
		r.Problem(at+".good.metricSource.spec.query", "is the same as total: nothing could ever be bad")
	}
	r.counter(at+".counter", m.Counter, rated && totalRated)
	return good, total
}

// raw reads a ratio that is computed already. One of two counters' rates is taken apart,
// as events can be counted then.
func (r *reader) raw(at string, m *rawRatio) measure {
	for name, beside := range map[string]*rawMetric{"good": m.Good, "bad": m.Bad, "total": m.Total} {
		if beside != nil {
			r.Problem(at+"."+name, "cannot be given together with raw; remove one of them")
		}
	}
	var kind string
	switch {
	case m.RawType == nil:
		r.missing(at+".rawType", "write success for good/total, or failure for bad/total")
	case *m.RawType != "success" && *m.RawType != "failure":
		r.Problem(at+".rawType", "%q is not supported; write success or failure", document.Shorten(*m.RawType))
	default:
		kind = *m.RawType
	}
	expr, where := r.expression(at+".raw", m.Raw, "give the query of the ratio")
	if expr == nil || kind == "" {
		return measure{}
	}
	part, total, counted := quotient(expr)
	switch {
	case !counted:
		return measure{query: expr.String(), bad: kind == "failure"}
	case kind == "success":
		if part == total {
			r.Problem(where, "divides a counter by itself: nothing could ever be bad")
		}
		return measure{good: part, total: total}
	}
	good, err := complement(part, total)
	if err != nil {
		r.Problem(where, "divides bad events by all events: the selector of the bad ones %s", err)
	}
	return measure{good: good, total: total}
}

// thresholdMetric reads what objectives compare with a value.
func (r *reader) thresholdMetric(at string, raw *rawMetric) measure {
	expr, where := r.expression(at, raw, "give the query of what is compared")
	if expr == nil {
		return measure{}
	}
	vs, rated, err := unwrapBuckets(expr)
	switch {
	case err != nil:
		return measure{threshold: true, query: expr.String()}
	case !strings.HasSuffix(metricOf(vs), bucketSuffix):
		if !rated && onlyGrows(metricOf(vs)) {
			r.Problem(where, "%s is a counter by its name, which only grows; compare its rate, or count events with a ratioMetric", metricOf(vs))
			return measure{}
		}
		return measure{threshold: true, query: expr.String()}
	case matched(vs, bucketLabel):
		r.Problem(where, "selects buckets by %s itself; leave that to op and value, or give the bucket as good events of a ratioMetric whose total is %s", bucketLabel, countOf(metricOf(vs)))
		return measure{}
	}
	return measure{threshold: true, buckets: vs}
}

// counter checks that the queries are of counters: it is said, or they were in rate.
func (r *reader) counter(at string, counter *bool, rated bool) {
	const only = "only counters can be counted over any window; give counter: true, or give a ratio of gauges as raw"
	switch {
	case r.Bad(at) || rated:
	case counter == nil:
		r.missing(at, only)
	case !*counter:
		r.Problem(at, "false is not supported: %s", only)
	}
}

// complement is the selector of the good events among all, where the bad ones are those
// of one label more: its negation. Otherwise no selector has exactly the others.
func (r *reader) complement(at, bad, total string) string {
	if bad == "" || total == "" {
		return ""
	}
	good, err := complement(bad, total)
	if err != nil {
		r.Problem(at+".metricSource.spec.query", "%s", err)
	}
	return good
}

// query reads the selector of a metric source. It is empty when that is bad. rated is
// true when it stood in a rate, which only counters do.
func (r *reader) query(at string, raw *rawMetric, mend string) (canonical string, rated bool) {
	text, at := r.promql(at, raw, mend, `give a counter's selector such as requests_total{code="200"}`)
	if text == "" {
		return "", false
	}
	canonical, rated, err := selector(text)
	if err != nil {
		r.Problem(at, "%s", err)
	}
	return canonical, rated
}

// expression reads PromQL of whatever is measured, and says where it stands. It is nil
// when that is bad.
func (r *reader) expression(at string, raw *rawMetric, mend string) (expr parser.Expr, where string) {
	text, at := r.promql(at, raw, mend, "give PromQL")
	if text == "" {
		return nil, at
	}
	expr, err := expression(text)
	if err != nil {
		r.Problem(at, "%s", err)
		return nil, at
	}
	return expr, at
}

// promql is the text of a metric source's query, and where it stands. It is empty with
// the problem noted where there is none.
func (r *reader) promql(at string, raw *rawMetric, mend, example string) (text, where string) {
	if raw == nil {
		r.missing(at, mend)
		return "", at
	}
	source := raw.MetricSource
	if at += ".metricSource"; source == nil {
		r.missing(at, "give its type and spec.query")
		return "", at
	}
	r.sourceType(at, source)
	if at += ".spec"; source.Spec == nil {
		r.missing(at, "give its query")
		return "", at
	}
	at += ".query"
	if !r.text(at, source.Spec.Query, example) {
		return "", at
	}
	return source.Spec.Query, at
}
