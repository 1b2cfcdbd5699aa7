package promotion

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// skew is how far the clock of a runner may be ahead of ours.
const skew = 5 * time.Minute

// Wanted is an experiment that has to have passed.
type Wanted struct {
	Name   string
	File   string // in the repository
	Digest string // of its document as the repository has it, see attest.DocumentDigest
	// Weaker says in what a run asked for less than the document, or for something else;
	// nil: nothing.
	Weaker func(result.Run) error
}

// Question is what attached verdicts are asked.
type Question struct {
	Revision    string // of the charts
	Image       string // digest
	Environment string // where it had to run
	Policy      VerdictPolicy
	Wanted      []Wanted
	Now         time.Time
	// Hardly says why a run could hardly have failed; empty where it could.
	Hardly func(result.Run) string
	// Signed says of the digest of what was attached whether it is signed; nil asks nobody.
	Signed func(digest string) error
}

// Counted is a run that counts for an experiment.
type Counted struct {
	Experiment string
	Run        string // its id
	Ended      time.Time
	Attached   string // digest of what it was attached as
	Runner     string // digest of the program
}

// Objection is why a pair is not promoted.
type Objection struct {
	Verdict result.Verdict // fail, or inconclusive: missing or not to be judged
	About   string         // an experiment, or what was attached
	Detail  string
}

func (o Objection) String() string { return o.About + ": " + o.Detail }

// Decision is what the verdicts of a pair are worth together.
type Decision struct {
	Verdict    result.Verdict // pass, fail or inconclusive
	Counted    []Counted      // the newest pass of each experiment, in the order of the list
	Objections []Objection    // those that failed first
}

// Decide computes every verdict again from the evidence and says whether the pair may be
// promoted. It asks nothing. A pass needs, for every wanted experiment, a run of exactly
// that document that passed and is not too old, and no such run that did not; what does not
// hold together in itself keeps a pair back, whatever else is there.
func Decide(q Question, attached []attest.Attached, unreadable []error) Decision {
	d := &decider{q: q, counted: map[string]Counted{}, why: map[string][]string{}}
	for _, err := range unreadable {
		d.object(result.Inconclusive, "what is attached", err.Error()+"; remove it from the registry")
	}
	for _, a := range attached {
		d.look(a)
	}
	for _, w := range q.Wanted {
		if c, ok := d.counted[w.Name]; ok {
			d.out.Counted = append(d.out.Counted, c)
			continue
		}
		detail := "no verdict of it is attached for this revision, image and environment"
		if why := d.why[w.Name]; len(why) > 0 {
			detail = "no verdict of it counts: " + strings.Join(slices.Compact(why), "; ")
		}
		if !d.failed(w.Name) {
			d.object(result.Inconclusive, w.Name, detail)
		}
	}
	d.out.Verdict = result.Pass
	for _, v := range []result.Verdict{result.Inconclusive, result.Fail} {
		if slices.ContainsFunc(d.out.Objections, func(o Objection) bool { return o.Verdict == v }) {
			d.out.Verdict = v
		}
	}
	slices.SortStableFunc(d.out.Objections, func(a, b Objection) int {
		return slices.Index(result.Verdicts(), a.Verdict) - slices.Index(result.Verdicts(), b.Verdict)
	})
	return d.out
}

type decider struct {
	q       Question
	out     Decision
	counted map[string]Counted
	why     map[string][]string // by experiment, why verdicts of it do not count
}

func (d *decider) object(v result.Verdict, about, detail string) {
	o := Objection{v, about, detail}
	if !slices.Contains(d.out.Objections, o) {
		d.out.Objections = append(d.out.Objections, o)
	}
}

func (d *decider) failed(name string) bool {
	return slices.ContainsFunc(d.out.Objections, func(o Objection) bool { return o.About == name && o.Verdict == result.Fail })
}

// look judges one attached report.
func (d *decider) look(a attest.Attached) {
	about := "verdict " + attest.Short(a.Digest)
	s := a.Statement
	other := ""
	switch {
	case s.Image != d.q.Image:
		other = "of another image, " + attest.Short(s.Image)
	case s.Revision != d.q.Revision:
		other = "of another revision, " + attest.Short(s.Revision)
	case s.Environment != d.q.Environment:
		other = "of another environment, " + s.Environment
	case s.Target != d.q.Policy.Target:
		other = "of another target, " + s.Target
	}
	if other != "" {
		for _, doc := range s.Documents {
			d.why[doc.Name] = append(d.why[doc.Name], about+" is "+other)
		}
		return
	}
	r, err := a.Decode()
	if err != nil {
		d.object(result.Inconclusive, about, err.Error())
		return
	}
	// A report that says something else than its evidence was edited: by whom, and what
	// else was, somebody has to find out before anything of this pair is believed.
	if _, err := judge.Again(r); err != nil {
		d.object(result.Inconclusive, about, err.Error())
		return
	}
	if d.q.Signed != nil {
		if err := d.q.Signed(a.Digest); err != nil {
			for _, doc := range s.Documents {
				d.why[doc.Name] = append(d.why[doc.Name], about+": "+err.Error())
			}
			return
		}
	}
	for _, run := range r.Experiments {
		d.run(a, about, run)
	}
}

// run weighs one run of a report that holds together.
func (d *decider) run(a attest.Attached, about string, run result.Run) {
	i := slices.IndexFunc(d.q.Wanted, func(w Wanted) bool { return w.Name == run.Name })
	if i < 0 {
		return
	}
	w := d.q.Wanted[i]
	not := func(format string, args ...any) {
		d.why[w.Name] = append(d.why[w.Name], about+" "+fmt.Sprintf(format, args...))
	}
	old := d.q.Now.Sub(run.Ended)
	switch {
	case run.Control:
		not("is from a control run, which injects no fault")
	case old > d.q.Policy.MaxAge:
		not("is too old: it ended %s ago, %s are allowed", old.Round(time.Minute), d.q.Policy.MaxAge)
	case old < -skew:
		not("is from the future: it ended at %s", run.Ended.UTC().Format(time.RFC3339))
	case run.Verdict == result.Inconclusive:
		// A run that was not planned has no faults to compare with the document.
		not("is inconclusive (%s): %s", run.Reason, run.Summary)
	case attest.RunDigest(run) != w.Digest:
		not("is from another version of the experiment than %s", w.File)
	case run.Verdict != result.Pass:
		d.object(result.Fail, w.Name, fmt.Sprintf("%s is %s (%s): %s", about, run.Verdict, run.Reason, run.Summary))
	default:
		d.pass(a, w, run, not)
	}
}

// pass counts a pass that shows something.
func (d *decider) pass(a attest.Attached, w Wanted, run result.Run, not func(string, ...any)) {
	if w.Weaker != nil {
		if err := w.Weaker(run); err != nil {
			not("did not ask for what %s says: %v", w.File, err)
			return
		}
	}
	if d.q.Hardly != nil && !d.q.Policy.AllowIdle {
		if why := d.q.Hardly(run); why != "" {
			not("could hardly have failed: %s", why)
			return
		}
	}
	c := Counted{w.Name, run.ID, run.Ended, a.Digest, a.Statement.Runner.Digest}
	if before, ok := d.counted[w.Name]; !ok || before.Ended.Before(c.Ended) {
		d.counted[w.Name] = c
	}
}
