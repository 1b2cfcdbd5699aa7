package experiment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// replicaGroups is how groups of rules about replicas end.
const replicaGroups = "replicas"

// labelTier tells the burn alerts of one SLO apart.
const labelTier = "tier"

// Proof says which experiments show that one alert fires. A burn alert has a proof for each
// of its tiers; rules that have name and tier in common share one.
type Proof struct {
	Alert string
	Tier  string // empty but for burn alerts
	SLO   string // empty for alerts that are not about an SLO
	Group string // of its rule
	// Watched is true for alerts on SLOs, and for those on replicas: of a group that is
	// named after them. A fault can reach what they watch.
	Watched bool
	// Expected and Forbidden are the names of the experiments that expect or forbid the
	// alert, sorted.
	Expected  []string
	Forbidden []string
	// Unproven says why no experiment expects it. Empty where one does.
	Unproven string
}

// Unproven are alerts that no experiment proves.
type Unproven struct {
	Alerts []string
	Reason string

	line int
}

// LoadUnproven reads a list of alerts that no experiment proves, with the reasons. Problems
// (errors.As) names what is wrong with it.
func LoadUnproven(file string) ([]Unproven, error) {
	data, problem := document.Read(file)
	if problem != nil {
		return nil, Problems{*problem}
	}
	docs, problems := document.Split(file, data)
	if len(problems) > 0 {
		return nil, document.Err(problems)
	}
	if len(docs) != 1 {
		return nil, Problems{{File: file, Message: fmt.Sprintf("has %d documents; write one, whose field unproven lists alerts and reasons", len(docs))}}
	}
	var list struct {
		Unproven []struct {
			Alerts []string `json:"alerts"`
			Reason string   `json:"reason"`
		} `json:"unproven"`
	}
	c := document.Checker{Doc: docs[0]}
	c.Decode(&list)
	var out []Unproven
	for i, u := range list.Unproven {
		at := fmt.Sprintf("unproven[%d]", i)
		if len(u.Alerts) == 0 {
			c.Problem(at+".alerts", "is empty; name the alerts that no experiment proves")
		}
		if u.Reason == "" {
			c.Problem(at+".reason", "is empty; say why no experiment proves these alerts, and what tests them instead")
		}
		out = append(out, Unproven{Alerts: u.Alerts, Reason: u.Reason, line: docs[0].LineOf(at)})
	}
	return out, document.Err(c.Problems)
}

// Proofs are those of every alert, by rule group, name and tier. Problems (errors.As) names
// the alerts that no experiment expects and no reason excuses, and the excuses that are not
// needed: file is the one that they were read from.
func Proofs(alerts []slo.AlertModel, all []Experiment, file string, unproven []Unproven) ([]Proof, error) {
	type key struct{ alert, tier string }
	rows := map[key]*Proof{}
	for _, m := range alerts {
		k := key{m.Name, m.Labels[labelTier]}
		p := rows[k]
		if p == nil {
			p = &Proof{Alert: m.Name, Tier: k.tier, SLO: m.SLO, Group: m.Group, Watched: m.SLO != "" || strings.HasSuffix(m.Group, replicaGroups)}
			rows[k] = p
		}
		for _, x := range all {
			if slices.ContainsFunc(x.Expect, func(e ExpectedAlert) bool { return proves(e, m, alerts) }) {
				p.Expected = append(p.Expected, x.Name)
			}
			if slices.ContainsFunc(x.Forbid, func(f ForbiddenAlert) bool { return m.Matches(f.Labels) }) {
				p.Forbidden = append(p.Forbidden, x.Name)
			}
		}
	}
	out := make([]Proof, 0, len(rows))
	for _, p := range rows {
		p.Expected, p.Forbidden = sorted(p.Expected), sorted(p.Forbidden)
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Proof) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Tier, b.Tier))
	})
	return out, document.Err(excuse(out, file, unproven))
}

// proves says whether an alert that fulfils the expectation is surely one of the rule: no
// rule of another tier could fulfil it instead.
func proves(e ExpectedAlert, m slo.AlertModel, alerts []slo.AlertModel) bool {
	match := e.Match()
	return m.Matches(match) && !slices.ContainsFunc(alerts, func(other slo.AlertModel) bool {
		return (other.Name != m.Name || other.Labels[labelTier] != m.Labels[labelTier]) && other.Matches(match)
	})
}

// excuse gives each proof without an experiment its reason, and returns what does not agree.
func excuse(proofs []Proof, file string, unproven []Unproven) []Problem {
	var problems []Problem
	for i := range proofs {
		p := &proofs[i]
		for _, u := range unproven {
			if slices.Contains(u.Alerts, p.name()) {
				p.Unproven = u.Reason
			}
		}
		switch {
		case len(p.Expected) == 0 && p.Unproven == "":
			problems = append(problems, Problem{File: file, Message: fmt.Sprintf("no experiment expects %s; expect it in one, or list it here with the reason", p.name())})
		case len(p.Expected) > 0 && p.Unproven != "":
			problems = append(problems, Problem{File: file, Message: fmt.Sprintf("%s is listed, and %s expects it; take it out of the list", p.name(), p.Expected[0])})
		}
	}
	for _, u := range unproven {
		for _, name := range u.Alerts {
			if !slices.ContainsFunc(proofs, func(p Proof) bool { return p.name() == name }) {
				var known []string
				for _, p := range proofs {
					known = append(known, p.name())
				}
				problems = append(problems, Problem{File: file, Line: u.line, Message: fmt.Sprintf("no rule defines the alert %q%s", document.Shorten(name), document.Suggest(name, known))})
			}
		}
	}
	return problems
}

// name is how lists call it: the tier follows the name of a burn alert.
func (p Proof) name() string {
	if p.Tier == "" {
		return p.Alert
	}
	return p.Alert + "/" + p.Tier
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
