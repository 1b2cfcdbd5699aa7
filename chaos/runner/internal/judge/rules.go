package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// evaluations is how many of its intervals a group may go without being evaluated.
const evaluations = 3

// Asked says whether an alert of this rule could be one that is expected or
// forbidden.
func Asked(x *result.Spec, r result.RuleID) bool {
	for _, e := range x.Expect {
		if couldBe(e.Match, r) {
			return true
		}
	}
	return slices.ContainsFunc(x.Forbid, func(f result.AlertMatch) bool { return couldBe(f, r) })
}

// couldBe says whether an alert of this rule could match. Labels that the rule does
// not set come from its series.
func couldBe(want result.AlertMatch, r result.RuleID) bool {
	for k, v := range want {
		have, own := r.Labels[k]
		if k == "alertname" {
			have, own = r.Alert, true
		}
		if own && have != v {
			return false
		}
	}
	return true
}

// beforeRules finds rules of the files that Prometheus lacks: their alerts would
// be silent whatever happens.
func beforeRules(r *result.Rules) []Finding {
	if r == nil {
		return nil
	}
	if r.Unknown {
		return withoutHeartbeat(r)
	}
	var out []Finding
	for _, w := range r.Wanted {
		loaded := slices.ContainsFunc(r.Loaded, func(l result.RuleID) bool {
			return l.Alert == w.Alert && matches(w.Labels, l.Alert, l.Labels)
		})
		if !loaded {
			out = append(out, finding(rankGate, result.RulesMissing, fmt.Sprintf("Prometheus does not have the rule of alert %s (%s); load the rule files", w.Alert, labelText(w.Labels))))
		}
	}
	return out
}

// withoutHeartbeat finds rules whose group does not show that it is evaluated, where
// Prometheus cannot say it.
func withoutHeartbeat(r *result.Rules) []Finding {
	const api = "Prometheus has no rules API, and "
	if len(r.Wanted) == 0 {
		return []Finding{finding(rankGate, result.RulesNotEvaluated, api+"no rule file says which heartbeat to look for; name the rule files with --rules")}
	}
	var out []Finding
	for _, w := range r.Wanted {
		if w.Group == "" || !slices.Contains(r.Heartbeats, w.Group) {
			out = append(out, finding(rankGate, result.RulesNotEvaluated, fmt.Sprintf(
				"%sgroup %q of alert %s (%s) has no heartbeat, the series ballast_slo:evaluated:timestamp; load the files that `ballast slo generate` writes", api, w.Group, w.Alert, labelText(w.Labels))))
		}
	}
	return out
}

// unseenErrors says what nobody could see of the rules; empty where Prometheus shows it.
func unseenErrors(ev *result.Evidence) string {
	if r := ev.Before.Rules; r != nil && r.Unknown {
		return "; Prometheus has no rules API, errors of single rules cannot be seen"
	}
	return ""
}

// unevaluated finds rules that were not evaluated, or with an error.
func unevaluated(ev *result.Evidence, k rank) []Finding {
	var out []Finding
	for _, r := range ev.Watch.Rules {
		switch age, most := r.Age.Duration(), evaluations*r.Interval.Duration(); {
		case r.Error != "":
			out = append(out, finding(k, result.RulesNotEvaluated, fmt.Sprintf("alert %s of group %s is evaluated with an error: %s", r.Alert, r.Group, r.Error)))
		case age > most:
			out = append(out, finding(k, result.RulesNotEvaluated, fmt.Sprintf("alert %s of group %s had not been evaluated for %s, at most %s is allowed", r.Alert, r.Group, age.Round(100*time.Millisecond), most)))
		}
	}
	return out
}

// Staler keeps the worst reading of each rule.
func Staler(list []result.RuleReading, r result.RuleReading) []result.RuleReading {
	for i := range list {
		if list[i].Group != r.Group || list[i].Alert != r.Alert {
			continue
		}
		if list[i].Error == "" && (r.Error != "" || r.Age > list[i].Age) {
			list[i] = r
		}
		return list
	}
	return append(list, r)
}
