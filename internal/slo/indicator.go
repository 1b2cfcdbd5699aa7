package slo

import (
	"maps"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/internal/document"
)

func (r *reader) indicator(raw *rawSpec, s *SLO) {
	switch {
	case raw.Indicator != nil && raw.IndicatorRef != nil:
		r.Problem("spec.indicatorRef", "stands beside an indicator; give either")
	case raw.IndicatorRef != nil:
		sli, known := r.bundle.slis[*raw.IndicatorRef]
		switch {
		case !known:
			r.Problem("spec.indicatorRef", "no SLI %q is in the files that are read%s",
				document.Shorten(*raw.IndicatorRef), document.Suggest(*raw.IndicatorRef, slices.Sorted(maps.Keys(r.bundle.slis))))
		default:
			s.Good, s.Total = sli.good, sli.total
		}
	case raw.Indicator == nil:
		r.missing("spec.indicator", "describe good and total events there, or name an SLI with indicatorRef")
	default:
		s.Good, s.Total = r.ratio("spec.indicator.spec", raw.Indicator.Spec)
	}
}

// ratio reads the counters of good and of all events.
func (r *reader) ratio(at string, raw *rawSLISpec) (good, total string) {
	if raw == nil {
		r.missing(at, "give its ratioMetric")
		return "", ""
	}
	at += ".ratioMetric"
	m := raw.RatioMetric
	if m == nil {
		if !r.Bad(strings.TrimSuffix(at, "ratioMetric") + "thresholdMetric") {
			r.missing(at, "give its good and total counters")
		}
		return "", ""
	}
	if m.Good == nil && m.Bad == nil && m.Total == nil && (r.Bad(at+".raw") || r.Bad(at+".rawType")) {
		return "", ""
	}
	total, totalRated := r.query(at+".total", m.Total, "give the counter of all events")
	rated := totalRated
	switch {
	case m.Good != nil && m.Bad != nil:
		r.Problem(at+".bad", "stands beside good; give either")
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

// counter checks that the queries are of counters: it is said, or they were in rate.
func (r *reader) counter(at string, counter *bool, rated bool) {
	const only = "only counters can be counted over any window; give counter: true"
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
	if raw == nil {
		r.missing(at, mend)
		return "", false
	}
	source := raw.MetricSource
	if at += ".metricSource"; source == nil {
		r.missing(at, "give its type and spec.query")
		return "", false
	}
	r.sourceType(at, source)
	if at += ".spec"; source.Spec == nil {
		r.missing(at, "give its query")
		return "", false
	}
	at += ".query"
	if !r.text(at, source.Spec.Query, `give a counter's selector such as requests_total{code="200"}`) {
		return "", false
	}
	canonical, rated, err := selector(source.Spec.Query)
	if err != nil {
		r.Problem(at, "%s", err)
	}
	return canonical, rated
}
