package experiment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

const labelSeverity = "severity"

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// maxAlerts is how many entries of one list are read: each is compared with all
// others and with every rule.
const maxAlerts = 100

func (d *decoder) tooMany(at string, entries int) bool {
	if entries > maxAlerts {
		d.Problem(at, "has %d entries; at most %d are read", entries, maxAlerts)
	}
	return entries > maxAlerts
}

func (d *decoder) expected(raws []rawExpected) []ExpectedAlert {
	if d.tooMany("spec.alerts.expect", len(raws)) {
		return nil
	}
	var out []ExpectedAlert
	for i, r := range raws {
		at := fmt.Sprintf("spec.alerts.expect[%d]", i)
		if d.Bad(at) {
			continue
		}
		match := d.labels(at, r.Name, r.Severity, r.Labels)
		d.matchesRule(at, match)
		a := ExpectedAlert{Name: r.Name, Within: r.Within.or(0), ResolvesWithin: r.ResolvesWithin.or(0)}
		if delete(match, slo.LabelAlertname); len(match) > 0 {
			a.Labels = match
		}
		if r.Within == nil {
			d.foreseeable(at, a.Match())
		}
		if first := slices.IndexFunc(out, func(o ExpectedAlert) bool { return maps.Equal(o.Match(), a.Match()) }); first >= 0 {
			d.Problem(at, "%s is expected twice; delete one", a)
		}
		out = append(out, a)
	}
	return out
}

// foreseeable refuses an alert without within that no target can predict.
func (d *decoder) foreseeable(at string, match map[string]string) {
	if d.opts.Alerts == nil || len(match) == 0 || d.Bad(at) {
		return
	}
	if _, err := slo.Foresee(d.opts.Alerts, match, slo.Timing{Scale: 1}); err != nil {
		d.Problem(at+".within", "missing, and %s; say how soon it must fire, such as 2m", err)
	}
}

func (d *decoder) forbidden(raws []rawForbidden, expected []ExpectedAlert) []ForbiddenAlert {
	if d.tooMany("spec.alerts.forbid", len(raws)) {
		return nil
	}
	var out []ForbiddenAlert
	for i, r := range raws {
		at := fmt.Sprintf("spec.alerts.forbid[%d]", i)
		if d.Bad(at) {
			continue
		}
		match := d.labels(at, r.Name, r.Severity, r.Labels)
		d.matchesRule(at, match)
		for _, e := range expected {
			if len(match) > 0 && !d.Bad(at) && d.forbids(match, e) {
				d.Problem(at, "it forbids %s, which is also expected, so the experiment could not pass; delete one", e)
			}
		}
		out = append(out, ForbiddenAlert{Labels: match})
	}
	return out
}

// labels are those that an entry wants of an alert, its name and severity included.
func (d *decoder) labels(at, name, severity string, others map[string]string) map[string]string {
	match := map[string]string{}
	for _, label := range slices.Sorted(maps.Keys(others)) {
		switch {
		case label == slo.LabelAlertname:
			d.Problem(at+".labels."+label, "write it beside labels, as name")
		case label == labelSeverity:
			d.Problem(at+".labels."+label, "write it beside labels, as severity")
		case !labelName.MatchString(label):
			d.Problem(at+".labels."+label, "%q is not a label name of Prometheus; use letters, digits and _", document.Shorten(label))
		case others[label] == "":
			d.Problem(at+".labels."+label, "is empty, which no alert's label is; give its value or delete it")
		}
		match[label] = others[label]
	}
	if name != "" {
		match[slo.LabelAlertname] = name
	}
	if severity != "" {
		match[labelSeverity] = severity
	}
	if len(match) == 0 {
		d.Problem(at, "nothing is named; give name, severity or labels")
	}
	return match
}

// forbids reports whether every alert that fulfils the expectation is forbidden.
func (d *decoder) forbids(match map[string]string, e ExpectedAlert) bool {
	wanted := e.Match()
	covers := func(fixed func(string) (string, bool)) bool {
		for label, value := range match {
			have, ok := fixed(label)
			if asked, given := wanted[label]; given {
				have, ok = asked, true
			}
			if !ok || have != value {
				return false
			}
		}
		return true
	}
	if covers(func(string) (string, bool) { return "", false }) {
		return true
	}
	found := false
	for _, m := range d.opts.Alerts {
		if !m.Matches(wanted) {
			continue
		}
		if found = covers(m.Fixed); !found {
			return false
		}
	}
	return found
}

// matchesRule refuses labels that no alert rule can have: the alert would never
// fire, however bad things are. It names the nearest that a rule has.
func (d *decoder) matchesRule(at string, match map[string]string) {
	if d.opts.Alerts == nil && d.opts.NoAlerts == "" || len(match) == 0 || d.Bad(at) {
		return
	}
	if d.opts.NoAlerts != "" {
		d.Problem(at, "no rule defines this alert: %s", d.opts.NoAlerts)
		return
	}
	rules := d.opts.Alerts
	if name, ok := match[slo.LabelAlertname]; ok {
		rules = thatHave(rules, slo.LabelAlertname, name)
		if len(rules) == 0 {
			d.Problem(at+".name", "no rule defines the alert %q%s", document.Shorten(name),
				document.Suggest(name, valuesOf(d.opts.Alerts, slo.LabelAlertname)))
			rules = d.opts.Alerts
		}
	}
	for _, label := range slices.Sorted(maps.Keys(match)) {
		if label != slo.LabelAlertname && len(thatHave(rules, label, match[label])) == 0 {
			d.noRuleHas(at, label, match, rules)
		}
	}
	if !d.Bad(at) && !slices.ContainsFunc(rules, func(m slo.AlertModel) bool { return m.Matches(match) }) {
		d.Problem(at, "no alert rule has all of %s; %s", pairs(match), nearest(rules, match))
	}
}

func (d *decoder) noRuleHas(at, label string, match map[string]string, rules []slo.AlertModel) {
	path := at + ".labels." + label
	if label == labelSeverity {
		path = at + "." + label
	}
	of := "alert rule"
	if name, ok := match[slo.LabelAlertname]; ok && len(thatHave(rules, slo.LabelAlertname, name)) > 0 {
		of = "rule of alert " + name
	}
	var names []string
	for _, m := range rules {
		names = append(names, m.LabelNames()...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	value := document.Shorten(match[label])
	if !slices.Contains(names, label) {
		d.Problem(path, "no %s has a label %q%s", of, document.Shorten(label), document.Suggest(label, names))
		return
	}
	d.Problem(path, "no %s has %s %q%s", of, label, value, document.Suggest(match[label], valuesOf(rules, label)))
}

func thatHave(rules []slo.AlertModel, label, value string) []slo.AlertModel {
	var out []slo.AlertModel
	for _, m := range rules {
		if m.CanHave(label, value) {
			out = append(out, m)
		}
	}
	return out
}

// valuesOf lists the values that rules give a label.
func valuesOf(rules []slo.AlertModel, label string) []string {
	var out []string
	for _, m := range rules {
		if value, ok := m.Fixed(label); ok {
			out = append(out, value)
		} else {
			out = append(out, m.FromSeries[label]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearest describes the rule that has most of the labels, by those that differ.
func nearest(rules []slo.AlertModel, match map[string]string) string {
	var best slo.AlertModel
	most := -1
	for _, m := range rules {
		have := 0
		for label, value := range match {
			if m.CanHave(label, value) {
				have++
			}
		}
		if have > most {
			best, most = m, have
		}
	}
	var differ []string
	for _, label := range slices.Sorted(maps.Keys(match)) {
		if best.CanHave(label, match[label]) {
			continue
		}
		if fixed, ok := best.Fixed(label); ok {
			differ = append(differ, label+"="+fixed)
		} else {
			differ = append(differ, "no "+label)
		}
	}
	return "the nearest is " + best.Name + ", with " + strings.Join(differ, ", ")
}
