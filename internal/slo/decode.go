package slo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	apiVersion = "openslo/v1"
	// The longest burn-rate window is three days; a budget must outlive it clearly.
	minWindow = 7 * 24 * time.Hour
	maxWindow = 366 * 24 * time.Hour
	// Nobody reads more problems of one file than this.
	maxProblems = 100
)

// Decode reads the OpenSLO documents of one file, strictly: an unknown field is
// an error, and so is everything of OpenSLO that would not be honoured. The
// error is Problems with every problem of the file. file is only for messages.
func Decode(file string, content []byte) ([]SLO, error) {
	slos, problems := decode(file, content)
	if len(problems) > 0 {
		return nil, problems
	}
	return slos, nil
}

func decode(file string, content []byte) ([]SLO, Problems) {
	r := &reader{file: file}
	var slos []SLO
	dec := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// The decoder's message holds the line; it cannot go on behind it.
			r.problem(nil, "", "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
			break
		}
		if len(doc.Content) != 1 || doc.Content[0].Tag == "!!null" {
			continue // an empty document between two separators
		}
		before := len(r.problems)
		if before >= maxProblems {
			r.problem(doc.Content[0], "", "more than %d problems; what follows was not read", maxProblems)
			break
		}
		s := r.slo(doc.Content[0])
		if len(r.problems) == before {
			slos = append(slos, s)
		}
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return slos, r.problems
}

func (r *reader) slo(n *yaml.Node) SLO {
	s := SLO{File: r.file, Line: n.Line}
	doc := r.object(n, "")
	if doc == nil {
		return s
	}
	if v, at := doc.need("apiVersion", "write apiVersion: "+apiVersion); at != nil && v != apiVersion {
		r.problem(at, "apiVersion", "%q is not supported; write %s", shorten(v), apiVersion)
	}
	if v, at := doc.need("kind", "write kind: SLO"); at != nil && v != "SLO" {
		r.problem(at, "kind", "%q is not supported; only SLO documents are read", shorten(v))
	}
	r.metadata(doc.needSub("metadata", "give at least metadata.name"), &s)
	r.spec(doc.needSub("spec", "describe the SLO there"), &s)
	doc.done()
	return s
}

var dnsLabel = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (r *reader) metadata(o *object, s *SLO) {
	if o == nil {
		return
	}
	name, at := o.need("name", "an experiment's ref needs it")
	if at != nil && !dnsLabel.MatchString(name) {
		r.problem(at, o.field("name"), "%q is not a DNS label; use lower-case letters, digits and dashes, at most 63, first a letter", shorten(name))
	}
	s.Name = name
	s.DisplayName, _ = o.str("displayName")
	s.Labels = o.strings("labels")
	s.Annotations = o.strings("annotations")
	o.done()
}

func (r *reader) spec(o *object, s *SLO) {
	if o == nil {
		return
	}
	s.Description, _ = o.str("description")
	s.Service, _ = o.need("service", "name the service that the SLO is about")
	o.refuse("indicatorRef", "write the indicator inline, so that one file says it all")
	o.refuse("alertPolicies", "the alerts are derived from the objective; remove it")
	r.indicator(o.needSub("indicator", "describe good and total events there"), s)
	r.timeWindow(o.one("timeWindow", "one rolling window such as {duration: 30d, isRolling: true}"), s)
	if v, at := o.need("budgetingMethod", "write budgetingMethod: Occurrences"); at != nil && v != "Occurrences" {
		r.problem(at, o.field("budgetingMethod"), "%q is not supported: events are counted, not time slices; write Occurrences", shorten(v))
	}
	r.objective(o.one("objectives", "several objectives are several SLOs, each with a name of its own"), s)
	o.done()
}

func (r *reader) indicator(o *object, s *SLO) {
	if o == nil {
		return
	}
	if m := o.sub("metadata"); m != nil {
		m.str("name")
		m.str("displayName")
		m.strings("labels")
		m.strings("annotations")
		m.done()
	}
	spec := o.needSub("spec", "describe good and total events there")
	o.done()
	if spec == nil {
		return
	}
	spec.str("description")
	if spec.vals["thresholdMetric"] != nil {
		spec.refuse("thresholdMetric", "state it as ratioMetric, for latency with a histogram's bucket as good events")
	}
	if ratio := spec.needSub("ratioMetric", "give its good and total counters"); ratio != nil {
		r.ratioMetric(ratio, s)
	}
	spec.done()
}

func (r *reader) ratioMetric(o *object, s *SLO) {
	const counters = "only counters can be counted over any window; give counter: true"
	v, at := o.boolean("counter")
	switch {
	case at != nil && !v:
		r.problem(at, o.field("counter"), "false is not supported: %s", counters)
	case at == nil && o.vals["counter"] == nil:
		o.missing("counter", counters)
	}
	o.refuse("bad", "select the good events, so that an error of a new sort is not taken for success")
	o.refuse("raw", "give good and total counters")
	o.refuse("rawType", "give good and total counters")

	good := o.needSub("good", "give the counter of good events")
	total := o.needSub("total", "give the counter of all events")
	var goodAt *yaml.Node
	s.Good, goodAt = r.query(good)
	s.Total, _ = r.query(total)
	if goodAt != nil && s.Good != "" && s.Good == s.Total {
		r.problem(goodAt, good.field("metricSource.spec.query"), "is the same as total: nothing could ever be bad")
	}
	o.done()
}

// query reads the selector of a metric source.
func (r *reader) query(o *object) (string, *yaml.Node) {
	if o == nil {
		return "", nil
	}
	source := o.needSub("metricSource", "give its type and spec.query")
	o.done()
	if source == nil {
		return "", nil
	}
	source.refuse("metricSourceRef", "the runner's target says which Prometheus is asked")
	if v, at := source.need("type", "write type: Prometheus"); at != nil && v != "Prometheus" {
		r.problem(at, source.field("type"), "%q is not supported; write Prometheus", shorten(v))
	}
	spec := source.needSub("spec", "give its query")
	source.done()
	if spec == nil {
		return "", nil
	}
	text, at := spec.need("query", `give a counter's selector such as requests_total{code="200"}`)
	spec.done()
	if at == nil {
		return "", nil
	}
	canonical, err := selector(text)
	if err != nil {
		r.problem(at, spec.field("query"), "%s", err)
		return "", nil
	}
	return canonical, at
}

// selector checks that text selects one metric, and prints it as PromQL does.
func selector(text string) (string, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", fmt.Errorf("not PromQL: %w", err)
	}
	vs, ok := expr.(*parser.VectorSelector)
	if !ok {
		return "", errors.New("must be the bare selector of a counter, without functions, ranges or operators: every reader applies its own window")
	}
	if vs.OriginalOffset != 0 || vs.OriginalOffsetExpr != nil || vs.Timestamp != nil || vs.StartOrEnd != 0 || vs.Anchored || vs.Smoothed {
		return "", errors.New("must be a selector without offset, @ or modifier")
	}
	for _, m := range vs.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != "" {
			return vs.String(), nil
		}
	}
	return "", errors.New("must name one metric")
}

func (r *reader) timeWindow(o *object, s *SLO) {
	if o == nil {
		return
	}
	o.refuse("calendar", "a budget that refills at a date is not computed; use a rolling window")
	if v, at := o.boolean("isRolling"); at == nil && o.vals["isRolling"] == nil || at != nil && !v {
		r.problem(o.node, o.field("isRolling"), "only rolling windows are supported; write isRolling: true")
	}
	text, at := o.need("duration", "such as 30d")
	o.done()
	if at == nil {
		return
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		r.problem(at, o.field("duration"), "%q is not a duration; write days or weeks such as 30d or 4w", shorten(text))
		return
	}
	s.Window = time.Duration(d)
	if s.Window < minWindow || s.Window > maxWindow {
		r.problem(at, o.field("duration"), "%q is out of range; use 7d to 366d", text)
	}
}

func (r *reader) objective(o *object, s *SLO) {
	if o == nil {
		return
	}
	o.str("displayName")
	o.refuse("targetPercent", "write target as a ratio, 99.9% as 0.999")
	for _, field := range []string{"op", "value"} {
		o.refuse(field, "it belongs to threshold metrics")
	}
	for _, field := range []string{"timeSliceTarget", "timeSliceWindow"} {
		o.refuse(field, "events are counted, not time slices")
	}
	for _, field := range []string{"indicator", "indicatorRef", "composite", "compositeWeight"} {
		o.refuse(field, "composite objectives are several SLOs")
	}
	v, at := o.number("target")
	switch {
	case at == nil && (o.vals["target"] == nil || o.vals["target"].Tag == "!!null"):
		o.missing("target", "such as 0.999")
	case at != nil && !(v > 0 && v < 1): // also NaN
		r.problem(at, o.field("target"), "%s is out of range; a ratio above 0 and below 1, such as 0.999", shorten(at.Value))
	}
	s.Objective = v
	o.done()
}
