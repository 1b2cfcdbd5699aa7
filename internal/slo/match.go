package slo

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// LabelAlertname is the label that carries an alert's name.
const LabelAlertname = "alertname"

// CanHave reports whether an alert of this rule can carry the label: the rule
// sets it to this value, or leaves it to the series and they can have the value.
func (m AlertModel) CanHave(label, value string) bool {
	if label == LabelAlertname {
		return value == m.Name
	}
	if fixed, ok := m.Labels[label]; ok && !isTemplate(fixed) {
		return value == fixed
	}
	if _, ok := m.Labels[label]; ok {
		return true // what a template renders is not known before it fires
	}
	patterns, ok := m.FromSeries[label]
	return ok && (len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		re, err := regexp.Compile("^(?s:" + p + ")$")
		return err == nil && re.MatchString(value)
	}))
}

// Matches reports whether an alert of this rule can carry all of the labels.
func (m AlertModel) Matches(labels map[string]string) bool {
	for name, value := range labels {
		if !m.CanHave(name, value) {
			return false
		}
	}
	return true
}

// LabelNames lists the labels that an alert of this rule can carry, without its
// name, in alphabetical order.
func (m AlertModel) LabelNames() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(m.Labels)), maps.Keys(m.FromSeries))
	slices.Sort(names)
	return slices.Compact(names)
}

// Fixed is the value that the rule itself gives the label; ok is false when it
// gives none, or leaves it to a template.
func (m AlertModel) Fixed(label string) (value string, ok bool) {
	if label == LabelAlertname {
		return m.Name, true
	}
	value, ok = m.Labels[label]
	return value, ok && !isTemplate(value)
}

func isTemplate(value string) bool { return strings.Contains(value, "{{") }
