package slo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/internal/document"
)

const (
	// leastSlice is the shortest slice, and the one of those who give none: Azure Monitor
	// evaluates no rule more often.
	leastSlice = time.Minute
	// mostSliceMinutes bounds a number of minutes before it is multiplied.
	mostSliceMinutes = 1_000_000
)

// sliceWindow is a duration, or as OpenSLO allows a number of minutes.
type sliceWindow time.Duration

// UnmarshalYAML reads 1m, or 1.
func (w *sliceWindow) UnmarshalYAML(n *yaml.Node) error {
	wrong := fmt.Errorf("want a duration such as 1m, or a number of minutes")
	if n.Kind != yaml.ScalarNode {
		return wrong
	}
	switch n.Tag {
	case "!!int":
		minutes, err := strconv.Atoi(n.Value)
		if err != nil || minutes < 0 || minutes > mostSliceMinutes {
			return wrong
		}
		*w = sliceWindow(time.Duration(minutes) * time.Minute)
		return nil
	case "!!str":
		d, err := period(n.Value)
		if err != nil {
			return wrong
		}
		*w = sliceWindow(d)
		return nil
	}
	return wrong
}

// measured reads how an objective judges what is measured: a threshold's operator and
// value, and its time slices.
func (r *reader) measured(at string, m measure, raw rawObjective, s *SLO) {
	op, value := r.threshold(at, m, raw)
	slices := r.slices(at, m, raw, s)
	switch {
	case m.buckets != nil:
		if op != "" {
			s.Good, s.Total = m.bucket(value)
		}
	case m.query == "":
		s.Good, s.Total = m.good, m.total
	default:
		if slices == nil {
			slices = &Slices{Length: leastSlice}
		}
		slices.Query, slices.Op, slices.Value, slices.Bad = m.query, op, value, m.bad
	}
	s.Slices = slices
}

// threshold reads op and value of an objective. op is empty where there is none, and with
// the problem noted.
func (r *reader) threshold(at string, m measure, raw rawObjective) (op string, value float64) {
	if !m.threshold {
		const not = "belongs to a thresholdMetric; remove it"
		if raw.Op != nil && m.known {
			r.Problem(at+".op", not)
		}
		if raw.Value != nil && m.known {
			r.Problem(at+".value", not)
		}
		return "", 0
	}
	ops := map[string]string{"lte": "<=", "lt": "<", "gte": ">=", "gt": ">"}
	switch {
	case raw.Op == nil:
		r.missing(at+".op", "write lte, lt, gte or gt")
	case ops[*raw.Op] == "":
		r.Problem(at+".op", "%q is not supported; write lte, lt, gte or gt", document.Shorten(*raw.Op))
	case m.buckets != nil && *raw.Op != "lte":
		r.Problem(at+".op", "%s cannot be counted in buckets, which hold what is at most their bound; write lte", *raw.Op)
	default:
		op = ops[*raw.Op]
	}
	if raw.Value == nil {
		r.missing(at+".value", "give what the metric is compared with")
		return "", 0
	}
	return op, *raw.Value
}

// slices reads the time slices of an objective; nil where events are counted, and with
// the problem noted.
func (r *reader) slices(at string, m measure, raw rawObjective, s *SLO) *Slices {
	target, window := at+".timeSliceTarget", at+".timeSliceWindow"
	if r.Bad("spec.budgetingMethod") {
		return nil
	}
	if !m.sliced {
		const not = "belongs to budgetingMethod: Timeslices; remove it"
		if raw.TimeSliceTarget != nil {
			r.Problem(target, not)
		}
		if raw.TimeSliceWindow != nil {
			r.Problem(window, not)
		}
		return nil
	}
	found := &Slices{}
	switch {
	case raw.TimeSliceTarget == nil:
		r.missing(target, "give the share of a slice from which it is good, such as 0.95")
	case !(*raw.TimeSliceTarget > 0 && *raw.TimeSliceTarget <= 1):
		r.Problem(target, "%v is out of range; a share above 0 and at most 1, such as 0.95", *raw.TimeSliceTarget)
	default:
		found.Target = *raw.TimeSliceTarget
	}
	if raw.TimeSliceWindow == nil || r.Bad(window) {
		r.missing(window, "give the length of a slice, such as 1m")
		return nil
	}
	found.Length = time.Duration(*raw.TimeSliceWindow)
	if found.Length < leastSlice || found.Length%time.Minute != 0 {
		r.Problem(window, "%s is not a slice length that rules can evaluate; use whole minutes", found.Length)
	} else if s.Objective > 0 && s.Window >= minWindow {
		if shortest := s.Tiers()[0].Short; found.Length > shortest {
			r.Problem(window, "%s is longer than %s, the shortest window of this SLO's alerts, which would hold no slice; use at most that, or a timeWindow that is longer", short(found.Length), short(shortest))
		}
	}
	if found.Target == 0 {
		return nil
	}
	return found
}

// bound is how an exposition writes the upper bound of a bucket. Prometheus 3 stores
// whole numbers with a decimal, earlier ones as they are exposed: both are matched.
func bound(value float64) (pattern string, isRegexp bool) {
	text := strconv.FormatFloat(value, 'g', -1, 64)
	if value == math.Trunc(value) && !strings.Contains(text, "e") {
		return text + `(\.0)?`, true
	}
	return text, false
}
