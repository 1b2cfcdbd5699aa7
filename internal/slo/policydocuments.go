package slo

import (
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/internal/document"
)

const (
	// mostPolicies is how many alert policies an SLO may have: each adds up to five rules to
	// a group that has room for eleven.
	mostPolicies = 2
	// leastLookback has the short window that the shortest tier has.
	leastLookback = longPerShort * leastShort
)

// alertDocuments are the documents about alerts that others can name.
type alertDocuments struct {
	policies   map[string]*policyDocument
	conditions map[string]*conditionDocument
	targets    map[string]document.Document
	order      []interface{ read() []Problem }
}

type policyDocument struct {
	*reader
	name   string
	spec   *rawPolicySpec
	policy alertPolicy
}

type conditionDocument struct {
	*reader
	spec      *rawConditionSpec
	condition condition
}

// condition is when an alert fires. It is known where it has no problem.
type condition struct {
	known    bool
	severity string
	rate     float64
	lookback time.Duration
	after    time.Duration
}

type alertPolicy struct {
	condition
	name    string
	at      string // where the SLO names it
	noData  bool
	targets string
}

// add keeps an AlertPolicy or an AlertCondition.
func (a *alertDocuments) add(r *reader) {
	if r.Doc.Value("kind") == kindPolicy {
		var raw rawDocument[rawPolicySpec]
		r.Decode(&raw)
		p := &policyDocument{reader: r, spec: raw.Spec, name: r.name(raw.Metadata)}
		if first, taken := a.policies[p.name]; taken {
			r.twice(kindPolicy, p.name, first.Doc)
		} else if p.name != "" {
			put(&a.policies, p.name, p)
		}
		a.order = append(a.order, p)
		return
	}
	var raw rawDocument[rawConditionSpec]
	r.Decode(&raw)
	c := &conditionDocument{reader: r, spec: raw.Spec}
	if name := r.name(raw.Metadata); name != "" {
		if first, taken := a.conditions[name]; taken {
			r.twice(kindCondition, name, first.Doc)
		} else {
			put(&a.conditions, name, c)
		}
	}
	// Policies name conditions, which are read before them.
	a.order = slices.Insert(a.order, 0, interface{ read() []Problem }(c))
}

// target keeps an AlertNotificationTarget.
func (a *alertDocuments) target(r *reader) {
	var raw rawDocument[rawTargetSpec]
	r.Decode(&raw)
	name := r.name(raw.Metadata)
	r.targetSpec("spec", raw.Spec)
	if name == "" {
		return
	}
	if first, taken := a.targets[name]; taken {
		r.twice(kindTarget, name, first)
		return
	}
	put(&a.targets, name, r.Doc)
}

func (r *reader) targetSpec(at string, raw *rawTargetSpec) {
	if raw == nil {
		r.missing(at, "give its target")
		return
	}
	r.text(at+".target", raw.Target, "say what the target is, such as email")
}

// read reads all conditions and policies, and returns what is wrong with them.
func (a *alertDocuments) read() []Problem {
	var problems []Problem
	for _, d := range a.order {
		problems = append(problems, d.read()...)
	}
	return problems
}

func (d *conditionDocument) read() []Problem {
	d.condition = d.reader.condition("spec", d.spec)
	return d.Problems
}

func (d *policyDocument) read() []Problem {
	d.policy = d.reader.policy("spec", d.name, d.spec)
	return d.Problems
}

// condition reads the spec of an alert condition.
func (r *reader) condition(at string, raw *rawConditionSpec) condition {
	if raw == nil {
		r.missing(at, "give its severity and condition")
		return condition{}
	}
	before := len(r.Problems)
	c := condition{severity: raw.Severity}
	if r.text(at+".severity", raw.Severity, "write page or ticket") && raw.Severity != Page && raw.Severity != Ticket {
		r.Problem(at+".severity", "%q is not supported: alerts are routed as page or ticket; write one of these", document.Shorten(raw.Severity))
	}
	if at += ".condition"; raw.Condition == nil {
		r.missing(at, "give its threshold and lookbackWindow")
		return condition{}
	}
	if kind := raw.Condition.Kind; kind != nil && *kind != "burnrate" {
		r.Problem(at+".kind", "%q is not supported; write burnrate", document.Shorten(*kind))
	}
	if op := raw.Condition.Op; op != nil && *op != "gt" {
		r.Problem(at+".op", "%q is not supported: an alert fires while the budget burns faster than the threshold; write gt", document.Shorten(*op))
	}
	if rate := raw.Condition.Threshold; rate == nil {
		r.missing(at+".threshold", "give the burn rate above which it fires, such as 2")
	} else if c.rate = *rate; !(c.rate > 0) {
		r.Problem(at+".threshold", "%v is always exceeded; give a burn rate above 0", c.rate)
	}
	c.lookback = r.lookback(at+".lookbackWindow", raw.Condition.LookbackWindow)
	if after := raw.Condition.AlertAfter; after != nil {
		d, err := period(*after)
		if err != nil || d > maxWindow {
			r.Problem(at+".alertAfter", "%q is not a duration of at most a year; write such as 5m", document.Shorten(*after))
		}
		c.after = d
	}
	c.known = len(r.Problems) == before && !r.Bad(at)
	return c
}

// lookback reads the long window of a condition.
func (r *reader) lookback(at, text string) time.Duration {
	if !r.text(at, text, "give the long window, such as 1h") {
		return 0
	}
	d, err := period(text)
	switch {
	case err != nil:
		r.Problem(at, "%q is not a duration; write such as 1h", document.Shorten(text))
	case d < leastLookback:
		r.Problem(at, "%q is too short: a twelfth of it is the short window, which holds too few scrapes below %s; use at least %s", document.Shorten(text), short(leastShort), short(leastLookback))
	case d%time.Minute != 0:
		r.Problem(at, "%q cannot be divided by twelve; write whole minutes", document.Shorten(text))
	}
	return d
}

// policy reads the spec of an alert policy.
func (r *reader) policy(at, name string, raw *rawPolicySpec) alertPolicy {
	p := alertPolicy{name: name}
	if raw == nil {
		r.missing(at, "give its condition")
		return p
	}
	before := len(r.Problems)
	if slices.Contains([]string{PageFast, PageSlow, TicketFast, TicketSlow}, name) {
		r.Problem("metadata.name", "%q is the name of a tier that every SLO has; rename the policy", name)
	}
	if w := raw.AlertWhenBreaching; (w == nil || !*w) && !r.Bad(at+".alertWhenBreaching") {
		r.Problem(at+".alertWhenBreaching", "without it the policy would never alert; write true")
	}
	if w := raw.AlertWhenResolved; w != nil && *w {
		r.Problem(at+".alertWhenResolved", "is not supported: rules alert while something is wrong, and Alertmanager says that it ended where a receiver has send_resolved; write false")
	}
	p.noData = raw.AlertWhenNoData != nil && *raw.AlertWhenNoData
	p.targets = r.targets(at+".notificationTargets", raw.NotificationTargets)
	if at += ".conditions"; !one(r, at, raw.Conditions, "give one, or name it with conditionRef") {
		return p
	}
	p.condition = r.conditionOf(at+"[0]", raw.Conditions[0])
	p.known = p.known && len(r.Problems) == before
	return p
}

// conditionOf reads a condition that is given, or named.
func (r *reader) conditionOf(at string, raw rawConditionUse) condition {
	if raw.Ref == nil {
		r.inline(at, kindCondition, raw.Kind, raw.Metadata)
		return r.condition(at+".spec", raw.Spec)
	}
	if raw.Kind != nil || raw.Metadata != nil || raw.Spec != nil {
		r.Problem(at+".conditionRef", "cannot be given together with a condition; remove one of them")
	}
	if c, ok := named(r, at+".conditionRef", kindCondition, *raw.Ref, r.bundle.alerts.conditions); ok {
		return c.condition
	}
	return condition{}
}

// targets are the names of a policy's notification targets.
func (r *reader) targets(at string, raw []rawTargetUse) string {
	var names []string
	for i, t := range raw {
		at := at + index(i)
		if t.Ref == nil {
			r.inline(at, kindTarget, t.Kind, t.Metadata)
			r.targetSpec(at+".spec", t.Spec)
			if t.Metadata != nil {
				names = append(names, t.Metadata.Name)
			}
			continue
		}
		if t.Kind != nil || t.Metadata != nil || t.Spec != nil {
			r.Problem(at+".targetRef", "cannot be given together with a target; remove one of them")
		}
		named(r, at+".targetRef", kindTarget, *t.Ref, r.bundle.alerts.targets)
		names = append(names, *t.Ref)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// inline checks what stands where a document could be named.
func (r *reader) inline(at, kind string, given *string, metadata *rawMetadata) {
	if given == nil {
		r.missing(at+".kind", "write kind: "+kind)
	} else if *given != kind {
		r.Problem(at+".kind", "%q is not supported here; write %s", document.Shorten(*given), kind)
	}
	r.nameAt(at+".metadata", metadata)
}
