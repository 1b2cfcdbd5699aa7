package slo

import (
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/internal/document"
)

const (
	apiVersion = "openslo/v1"
	kind       = "SLO"
	// Windows of burn rates are at least two minutes long, and a budget has to outlive
	// them clearly.
	minWindow = 24 * time.Hour
	maxWindow = 366 * 24 * time.Hour
)

// Problem is one thing that is wrong with a document.
type Problem = document.Problem

// Problems are all that were found, in the order of files and lines. Retrieve
// them from an error with errors.As.
type Problems = document.Problems

// Decode reads the OpenSLO documents of one file, strictly: an unknown field is
// an error, and so is everything of OpenSLO that would not be honoured. The
// error is Problems of the file. file is only for messages.
func Decode(file string, content []byte) ([]SLO, error) {
	slos, problems := decode(file, content)
	if err := document.Err(problems); err != nil {
		return nil, err
	}
	return slos, nil
}

func decode(file string, content []byte) ([]SLO, []Problem) {
	docs, problems := document.Split(file, content)
	var slos []SLO
	for _, doc := range docs {
		r := reader{document.Checker{Doc: doc}}
		s := r.slo()
		if len(r.Problems) == 0 {
			slos = append(slos, s)
		}
		problems = append(problems, r.Problems...)
	}
	return slos, problems
}

// reader turns one document into an SLO.
type reader struct{ document.Checker }

// missing notes a field that has to be there, unless it is bad already.
func (r *reader) missing(at, mend string) {
	if !r.Bad(at) {
		r.Problem(at, "is missing; %s", mend)
	}
}

// text checks a field that has to be there and not be blank. It is false, with
// the problem noted, when it is not.
func (r *reader) text(at, value, mend string) bool {
	if strings.TrimSpace(value) != "" {
		return true
	}
	r.missing(at, mend)
	return false
}

func (r *reader) slo() SLO {
	s := SLO{File: r.Doc.File, Line: r.Doc.Line}
	version, of := r.Doc.Value("apiVersion"), r.Doc.Value("kind")
	if version != "" && version != apiVersion {
		r.Problem("apiVersion", "%q is not supported; write %s", document.Shorten(version), apiVersion)
	}
	if of != "" && of != kind {
		r.Problem("kind", "%q is not supported; only %s documents are read", document.Shorten(of), kind)
	}
	if len(r.Problems) > 0 {
		return s // it has other fields, and each would be reported
	}
	var raw rawSLO
	r.Decode(&raw)
	r.text("apiVersion", raw.APIVersion, "write apiVersion: "+apiVersion)
	r.text("kind", raw.Kind, "write kind: "+kind)
	r.metadata(raw.Metadata, &s)
	r.spec(raw.Spec, &s)
	return s
}

var dnsLabel = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (r *reader) metadata(raw *rawMetadata, s *SLO) {
	if raw == nil {
		r.missing("metadata", "give at least metadata.name")
		return
	}
	const at = "metadata.name"
	if r.text(at, raw.Name, "an experiment's ref needs it") && !dnsLabel.MatchString(raw.Name) {
		r.Problem(at, "%q is not a DNS label; use lower-case letters, digits and dashes, at most 63, first a letter", document.Shorten(raw.Name))
	}
	s.Name = raw.Name
	s.DisplayName = deref(raw.DisplayName)
	s.Labels, s.Annotations = raw.Labels, raw.Annotations
}

func (r *reader) spec(raw *rawSpec, s *SLO) {
	if raw == nil {
		r.missing("spec", "describe the SLO there")
		return
	}
	s.Description = deref(raw.Description)
	s.Service = raw.Service
	r.text("spec.service", raw.Service, "name the service that the SLO is about")
	r.indicator(raw.Indicator, s)
	const method = "spec.budgetingMethod"
	if r.text(method, raw.BudgetingMethod, "write budgetingMethod: Occurrences") && raw.BudgetingMethod != "Occurrences" {
		r.Problem(method, "%q is not supported: events are counted, not time slices; write Occurrences", document.Shorten(raw.BudgetingMethod))
	}
	if one(r, "spec.timeWindow", raw.TimeWindow, "one rolling window such as {duration: 30d, isRolling: true}") {
		r.window(raw.TimeWindow[0], s)
	}
	if one(r, "spec.objectives", raw.Objectives, "several objectives are several SLOs, each with a name of its own") {
		r.objective(raw.Objectives[0], s)
	}
}

// one checks a list that has to have exactly one entry.
func one[T any](r *reader, at string, list []T, mend string) bool {
	switch {
	case list == nil:
		r.missing(at, mend)
	case len(list) != 1:
		r.Problem(at, "must be a list of exactly one entry; %s", mend)
	}
	return len(list) == 1
}

func (r *reader) indicator(raw *rawIndicator, s *SLO) {
	const ratio = "spec.indicator.spec.ratioMetric"
	switch {
	case raw == nil:
		r.missing("spec.indicator", "describe good and total events there")
		return
	case raw.Spec.RatioMetric == nil:
		r.missing(ratio, "give its good and total counters")
		return
	}
	const counters = "only counters can be counted over any window; give counter: true"
	switch counter := raw.Spec.RatioMetric.Counter; {
	case counter == nil:
		r.missing(ratio+".counter", counters)
	case !*counter && !r.Bad(ratio+".counter"):
		r.Problem(ratio+".counter", "false is not supported: %s", counters)
	}
	s.Good = r.query(ratio+".good", raw.Spec.RatioMetric.Good, "give the counter of good events")
	s.Total = r.query(ratio+".total", raw.Spec.RatioMetric.Total, "give the counter of all events")
	if s.Good != "" && s.Good == s.Total {
		r.Problem(ratio+".good.metricSource.spec.query", "is the same as total: nothing could ever be bad")
	}
}

// query reads the selector of a metric source. It is empty when that is bad.
func (r *reader) query(at string, raw *rawMetric, mend string) string {
	if raw == nil {
		r.missing(at, mend)
		return ""
	}
	source := raw.MetricSource
	if at += ".metricSource"; source == nil {
		r.missing(at, "give its type and spec.query")
		return ""
	}
	if r.text(at+".type", source.Type, "write type: Prometheus") && source.Type != "Prometheus" {
		r.Problem(at+".type", "%q is not supported; write Prometheus", document.Shorten(source.Type))
	}
	if at += ".spec"; source.Spec == nil {
		r.missing(at, "give its query")
		return ""
	}
	at += ".query"
	if !r.text(at, source.Spec.Query, `give a counter's selector such as requests_total{code="200"}`) {
		return ""
	}
	canonical, err := selector(source.Spec.Query)
	if err != nil {
		r.Problem(at, "%s", err)
	}
	return canonical
}

func (r *reader) window(raw rawWindow, s *SLO) {
	const at = "spec.timeWindow[0]"
	if (raw.IsRolling == nil || !*raw.IsRolling) && !r.Bad(at+".isRolling") {
		r.Problem(at+".isRolling", "only rolling windows are supported; write isRolling: true")
	}
	if !r.text(at+".duration", raw.Duration, "such as 30d") {
		return
	}
	d, err := model.ParseDuration(raw.Duration)
	if err != nil {
		r.Problem(at+".duration", "%q is not a duration; write days or weeks such as 30d or 4w", document.Shorten(raw.Duration))
		return
	}
	s.Window = time.Duration(d)
	if s.Window < minWindow || s.Window > maxWindow {
		r.Problem(at+".duration", "%q is out of range; use 1d to 366d", document.Shorten(raw.Duration))
	}
}

func (r *reader) objective(raw rawObjective, s *SLO) {
	const at = "spec.objectives[0].target"
	switch {
	case raw.Target == nil:
		r.missing(at, "such as 0.999")
	case r.Bad(at):
	case !(*raw.Target > 0 && *raw.Target < 1): // also NaN
		r.Problem(at, "%v is out of range; a ratio above 0 and below 1, such as 0.999", *raw.Target)
	default:
		s.Objective = *raw.Target
	}
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
