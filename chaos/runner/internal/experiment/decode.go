package experiment

import (
	"fmt"
	"math"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// MaxName is the length of the longest name: a run's objects are named after
// it, with a suffix, and must stay DNS labels.
const MaxName = 40

// minPhase is the shortest phase: below it, there are too few samples to judge.
const minPhase = time.Second

// decoder turns the first document of a file into an experiment.
type decoder struct {
	document.Checker
	opts Options
}

func (d *decoder) experiment() Experiment {
	e := Experiment{File: d.Doc.File, Line: d.Doc.Line, YAML: d.Doc.Text}
	if got := d.Doc.Value("apiVersion"); got != APIVersion {
		d.Problem("apiVersion", "the first document must be the experiment, of apiVersion %s; got %q", APIVersion, got)
		return e
	}
	if got := d.Doc.Value("kind"); got != Kind {
		d.Problem("kind", "unknown kind %q; the first document must be of kind %s", got, Kind)
		return e
	}
	var raw rawDocument
	d.Decode(&raw)

	e.Name, e.Labels = raw.Metadata.Name, raw.Metadata.Labels
	d.name(e.Name)
	e.Hypothesis = strings.TrimSpace(raw.Spec.Hypothesis)
	if e.Hypothesis == "" && !d.Bad("spec.hypothesis") {
		d.Problem("spec.hypothesis", "missing; say in one sentence what should stay true under the fault")
	}
	e.Baseline = d.phase("spec.baseline", raw.Spec.Baseline, defaultBaseline)
	e.Observe = d.phase("spec.observe", raw.Spec.Observe, defaultObserve)
	e.Recover = d.phase("spec.recover", raw.Spec.Recover, defaultRecover)
	e.SLOs = d.assertions(raw.Spec.SLOs)
	e.Abort = d.guardRails(raw.Spec.Abort, e.Observe+e.Recover)
	e.Expect = d.expected(raw.Spec.Alerts.Expect)
	e.Forbid = d.forbidden(raw.Spec.Alerts.Forbid, e.Expect)
	e.Radius = d.radius(raw.Spec.BlastRadius)
	d.asserts(raw.Spec)
	return e
}

// asserts refuses an experiment that would pass whatever the fault does. That no
// alert fires proves nothing by itself: rules that are not evaluated are silent too.
func (d *decoder) asserts(raw rawSpec) {
	switch {
	case len(raw.SLOs)+len(raw.Alerts.Expect) > 0 || d.Bad("spec.slos") || d.Bad("spec.alerts.expect"):
	case len(raw.Alerts.Forbid) == 0 && d.Bad("spec"):
	case len(raw.Alerts.Forbid) > 0:
		d.Problem("spec.slos", "only forbidden alerts are asserted, and silence alone proves nothing; add an SLO, a bounded promql or an expected alert")
	default:
		d.Problem("spec.slos", "nothing is asserted, so the experiment could not fail; add an SLO, a bounded promql or an expected alert")
	}
}

func (d *decoder) name(name string) {
	const at = "metadata.name"
	switch {
	case d.Bad(at):
	case name == "":
		d.Problem(at, "missing; name the experiment")
	case len(name) > MaxName:
		d.Problem(at, "%q has %d letters; use at most %d", name, len(name), MaxName)
	case len(validation.IsDNS1123Label(name)) > 0:
		d.Problem(at, "%q is not a DNS label; use lower-case letters, digits and inner dashes", name)
	}
}

func (d *decoder) phase(at string, given *duration, missing time.Duration) time.Duration {
	v := given.or(missing)
	if v < minPhase && !d.Bad(at) {
		d.Problem(at, "%s is too short to be judged; give at least %s", v, minPhase)
	}
	return v
}

// slo finds what a ref names.
func (d *decoder) slo(at, ref string) *slo.SLO {
	if d.Bad(at) {
		return nil
	}
	if ref == "" {
		d.Problem(at, "missing; name an SLO by its metadata.name")
		return nil
	}
	if d.opts.NoSLOs != "" {
		d.Problem(at, "unknown SLO %q: %s", document.Shorten(ref), d.opts.NoSLOs)
		return nil
	}
	var names []string
	if d.opts.SLOs != nil {
		if s, ok := d.opts.SLOs.Get(ref); ok {
			if s.Slices != nil {
				d.Problem(at, "the SLO %q judges time and counts no events, and a run is too short for its slices of %s; assert what it measures as promql with max or min, or an alert", document.Shorten(ref), s.Slices.Length)
				return nil
			}
			return &s
		}
		names = d.opts.SLOs.Names()
	}
	d.Problem(at, "unknown SLO %q%s", ref, document.Suggest(ref, names))
	return nil
}

func (d *decoder) assertions(raws []rawAssertion) []Assertion {
	var out []Assertion
	names := map[string]int{}
	for i, r := range raws {
		at := fmt.Sprintf("spec.slos[%d]", i)
		if d.Bad(at) {
			continue
		}
		var a Assertion
		switch {
		case r.Ref != "" && r.PromQL != "":
			d.Problem(at, "ref and promql are given both; split it into two entries")
			continue
		case r.Ref != "":
			a = d.byRef(at, r)
		case r.PromQL != "":
			a = d.byPromQL(at, r)
		default:
			d.Problem(at, "neither ref nor promql is given; give one")
			continue
		}
		if first, ok := names[a.Name]; ok && a.Name != "" {
			d.Problem(at, "%q is asserted twice, first in spec.slos[%d]; delete one or give it another name", a.Name, first)
		}
		names[a.Name] = i
		out = append(out, a)
	}
	return out
}

func (d *decoder) byRef(at string, r rawAssertion) Assertion {
	a := Assertion{Name: r.Ref, SLO: d.slo(at+".ref", r.Ref), MaxBudgetSpend: defaultBudgetSpend}
	if r.Max != nil || r.Min != nil {
		d.Problem(at, "max and min bound a promql; bound a ref by maxBudgetSpend")
	}
	if r.Name != "" {
		d.Problem(at+".name", "an SLO has its own name; delete it")
	}
	if r.MaxBudgetSpend != nil {
		a.MaxBudgetSpend = float64(*r.MaxBudgetSpend)
	}
	return a
}

func (d *decoder) byPromQL(at string, r rawAssertion) Assertion {
	if r.MaxBudgetSpend != nil {
		d.Problem(at+".maxBudgetSpend", "only a ref has an error budget; bound the promql by max or min")
	}
	if r.Name == "" {
		d.Problem(at+".name", "missing; name the expression, the report shows it")
	}
	switch {
	case r.Max == nil && r.Min == nil:
		d.Problem(at, "the promql has no bound, so it could not fail; give max, min or both")
	case r.Max != nil && r.Min != nil && *r.Min > *r.Max:
		d.Problem(at+".min", "min %v is above max %v, so it could not hold; swap them", *r.Min, *r.Max)
	}
	if err := checkPromQL(r.PromQL); err != nil {
		d.Problem(at+".promql", "%s", err)
	}
	return Assertion{Name: r.Name, PromQL: strings.TrimSpace(r.PromQL), Max: r.Max, Min: r.Min}
}

func (d *decoder) guardRails(raws []rawGuardRail, armed time.Duration) []GuardRail {
	var out []GuardRail
	for i, r := range raws {
		at := fmt.Sprintf("spec.abort[%d]", i)
		if d.Bad(at) {
			continue
		}
		g := GuardRail{SLO: d.slo(at+".ref", r.Ref)}
		if r.BurnRate == nil {
			d.Problem(at+".burnRate", "missing; give the burn rate that stops the run")
		} else {
			g.BurnRate = *r.BurnRate
			d.burnRate(at+".burnRate", g)
		}
		if r.For == nil {
			d.Problem(at+".for", "missing; say how long the burn rate is looked at, such as 5s")
		} else if g.For = time.Duration(*r.For); g.For > armed {
			d.Problem(at+".for", "%s is longer than observe and recover together, %s, so it could hardly trip; shorten it", g.For, armed)
		}
		out = append(out, g)
	}
	return out
}

// burnRate refuses a guard rail that cannot trip. When every single event is
// bad, the burn rate is 1/(1-objective): at that, the rail would only stop a run
// in which nothing is left to protect.
func (d *decoder) burnRate(at string, g GuardRail) {
	if g.BurnRate <= 0 {
		d.Problem(at, "%v is always reached; give a burn rate above 0", g.BurnRate)
		return
	}
	if g.SLO == nil {
		return
	}
	// The tolerance is for 1/(1-0.999), which is a little under 1000.
	if worst := 1 / g.SLO.Budget(); g.BurnRate >= worst*(1-1e-9) {
		d.Problem(at, "%v cannot trip: with an objective of %v%%, the burn rate of a full outage is %v; give less",
			g.BurnRate, round(100*g.SLO.Objective), round(worst))
	}
}

func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func (d *decoder) radius(raw *rawBlastRadius) *BlastRadius {
	const at = "spec.blastRadius"
	if raw == nil || d.Bad(at) {
		return nil
	}
	if raw.MaxTargets == nil && raw.MaxPercent == nil {
		d.Problem(at, "it bounds nothing; give maxTargets, maxPercent or both")
	}
	r := &BlastRadius{}
	if raw.MaxTargets != nil {
		if r.MaxTargets = *raw.MaxTargets; r.MaxTargets < 1 {
			d.Problem(at+".maxTargets", "%d would allow no fault; give at least 1", r.MaxTargets)
		}
	}
	if raw.MaxPercent != nil {
		if r.MaxPercent = round(100 * float64(*raw.MaxPercent)); r.MaxPercent == 0 {
			d.Problem(at+".maxPercent", "0%% would allow no fault; give more")
		}
	}
	return r
}

// addFault decodes one of the documents that follow the experiment.
func addFault(e *Experiment, doc document.Document) []Problem {
	if doc.Value("apiVersion") == APIVersion && doc.Value("kind") == Kind {
		return []Problem{doc.Problem("kind", "a file holds one experiment; move this one to a separate file")}
	}
	f, problems := fault.Decode(doc)
	if len(problems) > 0 {
		return problems
	}
	for _, other := range e.Faults {
		if other.ID() == f.ID() && other.Namespace == f.Namespace {
			return []Problem{doc.Problem("metadata.name", "%s stands in line %d already; give it another name", f.ID(), other.Line)}
		}
	}
	e.Faults = append(e.Faults, f)
	return nil
}
