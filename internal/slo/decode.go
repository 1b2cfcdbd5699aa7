package slo

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/internal/document"
)

const (
	apiVersion = "openslo/v1"
	// Windows of burn rates are at least two minutes long, and a budget has to outlive
	// them clearly.
	minWindow = 24 * time.Hour
	maxWindow = 366 * 24 * time.Hour
	// Above it the budget is lost in the noise of fractions, and 1 has none.
	maxTarget = 0.999999
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
	var b bundle
	b.add(file, content)
	slos := b.read()
	return slos, b.problems
}

// reader turns one document into SLOs.
type reader struct {
	document.Checker
	bundle *bundle
}

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

// slos reads an SLO document: one for each objective.
func (r *reader) slos() []SLO {
	s := SLO{File: r.Doc.File, Line: r.Doc.Line}
	var raw rawDocument[rawSpec]
	r.Decode(&raw)
	r.metadata(raw.Metadata, &s)
	return r.spec(raw.Spec, s)
}

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (r *reader) metadata(raw *rawMetadata, s *SLO) {
	s.Name = r.name(raw)
	if raw != nil {
		s.DisplayName = deref(raw.DisplayName)
		r.carried(raw, s)
	}
}

// name checks and returns metadata.name; empty with the problem noted.
func (r *reader) name(raw *rawMetadata) string { return r.nameAt("metadata", raw) }

// nameAt is name of metadata that stands elsewhere.
func (r *reader) nameAt(at string, raw *rawMetadata) string {
	if raw == nil {
		r.missing(at, "give at least metadata.name")
		return ""
	}
	at += ".name"
	if !r.text(at, raw.Name, "others name the document by it") {
		return ""
	}
	if !dnsLabel.MatchString(raw.Name) {
		r.Problem(at, "%q is not a DNS label; use lower-case letters, digits and dashes, at most 63, a dash neither first nor last", document.Shorten(raw.Name))
		return ""
	}
	return raw.Name
}

func (r *reader) spec(raw *rawSpec, s SLO) []SLO {
	if raw == nil {
		r.missing("spec", "describe the SLO there")
		return nil
	}
	s.Description = deref(raw.Description)
	s.Service = raw.Service
	r.service(raw.Service)
	m := r.indicator(raw)
	m.sliced = r.method(raw.BudgetingMethod)
	if one(r, "spec.timeWindow", raw.TimeWindow, "one rolling window such as {duration: 30d, isRolling: true}") {
		r.window(raw.TimeWindow[0], &s)
	}
	return r.objectives(raw, m, s)
}

// method reads the budgeting method: whether time slices are counted and not events.
func (r *reader) method(text string) (sliced bool) {
	const at = "spec.budgetingMethod"
	if !r.text(at, text, "write budgetingMethod: Occurrences, or Timeslices") {
		return false
	}
	switch text {
	case "Occurrences":
	case "Timeslices":
		return true
	case "RatioTimeslices":
		r.Problem(at, "%q is not supported: the mean of the slices' ratios lets a quiet slice weigh as much as a busy one; write Occurrences, or Timeslices with the timeSliceTarget from which a slice is good", text)
	default:
		r.Problem(at, "%q is not supported; write Occurrences or Timeslices", document.Shorten(text))
	}
	return false
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

func (r *reader) window(raw rawWindow, s *SLO) {
	const at = "spec.timeWindow[0]"
	if (raw.IsRolling == nil || !*raw.IsRolling) && !r.Bad(at+".isRolling") {
		r.Problem(at+".isRolling", "only rolling windows are supported; write isRolling: true")
	}
	if !r.text(at+".duration", raw.Duration, "such as 30d") {
		return
	}
	d, err := period(raw.Duration)
	if err != nil {
		r.Problem(at+".duration", "%q is not a duration; write days, weeks, months, quarters or years, such as 30d, 4w, 1M, 1Q or 1Y", document.Shorten(raw.Duration))
		return
	}
	s.Window = d
	if s.Window < minWindow || s.Window > maxWindow {
		r.Problem(at+".duration", "%q is out of range; use 1d to 366d", document.Shorten(raw.Duration))
	}
}

// period reads a duration in OpenSLO's units, whose months, quarters and years have
// 30, 90 and 365 days where they roll, or in Prometheus'.
func period(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if m := inUnits.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * map[string]time.Duration{"M": 30 * day, "Q": 90 * day, "Y": 365 * day}[m[2]], err
	}
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
}

var inUnits = regexp.MustCompile(`^([0-9]{1,4})([MQY])$`)

// objectives makes an SLO of each objective. Where there are several, each has the name
// of the document and its own.
func (r *reader) objectives(spec *rawSpec, m measure, s SLO) []SLO {
	const at = "spec.objectives"
	raw := spec.Objectives
	if len(raw) == 0 {
		r.missing(at, "give one with a target")
		return nil
	}
	policies := r.policies(spec.AlertPolicies)
	var all []SLO
	first := map[string]int{}
	for i, o := range raw {
		each := s
		each.Objective = r.target(at+index(i), o)
		r.measured(at+index(i), m, o, &each)
		r.alerts(policies, &each)
		if len(raw) > 1 && s.Name != "" {
			each.Name = objectiveName(s.Name, deref(o.DisplayName), i)
			if text := deref(o.DisplayName); text != "" {
				each.DisplayName = strings.TrimSpace(s.DisplayName + " " + text)
			}
			if other, taken := first[each.Name]; taken {
				r.Problem(at+index(i)+".displayName", "makes the name %q, which objectives[%d] makes too; give each its own", each.Name, other)
			} else if !dnsLabel.MatchString(each.Name) {
				r.Problem(at+index(i)+".displayName", "makes the name %q, which is longer than 63 letters; shorten it", document.Shorten(each.Name))
			}
			first[each.Name] = i
		}
		all = append(all, each)
	}
	return all
}

// index is how a path names an entry of a list.
func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// slug is a text in lower-case letters, digits and dashes.
func slug(text string) string {
	return strings.Trim(noSlug.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

var noSlug = regexp.MustCompile(`[^a-z0-9]+`)

// target reads an objective's target, as a ratio or in percent.
func (r *reader) target(at string, raw rawObjective) float64 {
	ratio, from := raw.Target, at+".target"
	switch {
	case raw.Target != nil && raw.TargetPercent != nil:
		r.Problem(at+".targetPercent", "cannot be given together with target; remove one of them")
		return 0
	case raw.TargetPercent != nil:
		// The noise of a division by a hundred is not the author's.
		exact := clean(*raw.TargetPercent / 100)
		ratio, from = &exact, at+".targetPercent"
	}
	switch {
	case ratio == nil:
		if !r.Bad(at + ".targetPercent") {
			r.missing(at+".target", "such as 0.999")
		}
	case r.Bad(from):
	case !(*ratio > 0 && *ratio <= maxTarget): // also NaN
		r.Problem(from, "%v is out of range; a ratio above 0 and at most %v, such as 0.999: one bad event in a million is the finest that rules can tell", *ratio, maxTarget)
	default:
		return *ratio
	}
	return 0
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
