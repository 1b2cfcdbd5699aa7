package slo

import (
	"slices"
)

// policies reads the alert policies of an SLO.
func (r *reader) policies(raw []rawPolicyUse) []alertPolicy {
	const at = "spec.alertPolicies"
	if len(raw) > mostPolicies {
		r.Problem(at, "are %d, and a group of rules has room for the alerts of %d; remove some", len(raw), mostPolicies)
		return nil
	}
	var found []alertPolicy
	for i, use := range raw {
		p := r.policyOf(at+index(i), use)
		if slices.ContainsFunc(found, func(other alertPolicy) bool { return other.name == p.name }) {
			r.Problem(at+index(i), "the policy %q is given twice; remove one", p.name)
		}
		p.at = at + index(i)
		found = append(found, p)
	}
	return found
}

// alerts adds the alerts of policies to an SLO whose objective and time are read.
func (r *reader) alerts(policies []alertPolicy, s *SLO) {
	if s.Objective <= 0 || s.Window < minWindow {
		return // which is noted
	}
	for _, p := range policies {
		if !p.known {
			continue // as is this
		}
		r.fits(p, s)
		burn := BurnWindow{Tier: p.name, Severity: p.severity, Long: p.lookback, Short: p.lookback / longPerShort, Rate: p.rate}
		burn.Share = clean(burn.Rate * float64(burn.Long) / float64(s.Window))
		s.Policies = append(s.Policies, Policy{BurnWindow: burn, For: p.after, Targets: p.targets})
	}
}

func (r *reader) policyOf(at string, raw rawPolicyUse) alertPolicy {
	if raw.Ref == nil {
		r.inline(at, kindPolicy, raw.Kind, raw.Metadata)
		name := ""
		if raw.Metadata != nil {
			name = raw.Metadata.Name
		}
		return r.policy(at+".spec", name, raw.Spec)
	}
	if raw.Kind != nil || raw.Metadata != nil || raw.Spec != nil {
		r.Problem(at+".alertPolicyRef", "cannot be given together with a policy; remove one of them")
	}
	if p, ok := named(r, at+".alertPolicyRef", kindPolicy, *raw.Ref, r.bundle.alerts.policies); ok {
		return p.policy
	}
	return alertPolicy{}
}

// fits checks a policy against the SLO that it is of.
func (r *reader) fits(p alertPolicy, s *SLO) {
	at := p.at
	if most := 1 / s.Budget(); p.rate >= most*(1-1e-9) {
		r.Problem(at, "the burn rate %v of the policy %q cannot be exceeded: with this objective, that of a full outage is %v; give less", p.rate, p.name, clean(most))
	}
	if p.lookback > s.Window {
		r.Problem(at, "the lookbackWindow %s of the policy %q is longer than the timeWindow", short(p.lookback), p.name)
	}
	if s.Slices != nil && p.lookback/longPerShort < s.Slices.Length {
		r.Problem(at, "a twelfth of the lookbackWindow %s of the policy %q is shorter than a time slice, %s; give at least %s", short(p.lookback), p.name, short(s.Slices.Length), short(longPerShort*s.Slices.Length))
	}
	switch {
	case !p.noData:
	case s.NoData == NoDataNone:
		r.Problem(at, "the policy %q has alertWhenNoData, and the annotation %s is none; remove one", p.name, annotationNoData)
	case p.severity == Page && s.NoData != NoDataPage:
		r.Problem(at, "the policy %q pages without data, which is a ticket of this SLO; add the annotation %s: page, or write alertWhenNoData: false", p.name, annotationNoData)
	}
}
