package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// names finds what cannot be told apart once it is generated. Case does not count: some
// managed services do not see it, nor do some file systems, on which runbooks lie.
type names struct {
	first    map[string]string // kind and name to where it stands
	problems []document.Problem
}

func (n *names) claim(kind, name, where string, or func(first string)) {
	key := kind + " " + strings.ToLower(name)
	if n.first == nil {
		n.first = map[string]string{}
	}
	if first, taken := n.first[key]; taken {
		if first != where {
			or(first)
		}
		return
	}
	n.first[key] = where
}

// slo notes the alerts and groups of an SLO. Of several clashes with one other SLO the
// first is reported.
func (n *names) slo(s slo.SLO) {
	where := fmt.Sprintf("%s:%d", s.File, s.Line)
	if s.File == "" {
		where = "SLO " + s.Name
	}
	reported := false
	report := func(what string) func(string) {
		return func(first string) {
			if !reported {
				n.problems = append(n.problems, document.Problem{
					File: s.File, Line: s.Line, Field: "metadata.name",
					Message: fmt.Sprintf("%q makes %s, which %s makes too; rename one", s.Name, what, first),
				})
			}
			reported = true
		}
	}
	groups := FromSLO(s)
	for _, alert := range AlertNames(groups) {
		n.claim("alert", alert, where, report("the alert "+alert))
	}
	for _, g := range groups {
		n.claim("group", g.Name, where, report("the rule group "+g.Name))
	}
}

// groups notes the alerts and groups of a file that people wrote.
func (n *names) groups(file string, groups []rulefmt.RuleGroup) {
	// Within a file one alert may have several rules, and groups were compared by Load.
	alerts := map[string]string{}
	for _, g := range groups {
		n.claim("group", g.Name, file, func(first string) {
			n.problems = append(n.problems, document.Problem{File: file, Message: fmt.Sprintf("the group %q is also in %s; rename one", g.Name, first)})
		})
		for _, r := range g.Rules {
			alerts[strings.ToLower(r.Alert)] = r.Alert
		}
	}
	for _, name := range slices.Sorted(maps.Keys(alerts)) {
		if name == "" {
			continue
		}
		n.claim("alert", name, file, func(first string) {
			n.problems = append(n.problems, document.Problem{File: file, Message: fmt.Sprintf("the alert %s is also in %s, and one runbook cannot be for both; rename one", alerts[name], first)})
		})
	}
}

func (n *names) file(source, generated string) {
	n.claim("file", generated, source, func(first string) {
		n.problems = append(n.problems, document.Problem{File: source, Message: fmt.Sprintf("would be generated as %s, as %s is; rename one", generated, first)})
	})
}
