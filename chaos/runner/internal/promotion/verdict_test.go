package promotion

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion/promotiontest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const (
	document1 = "kind: Experiment\n"
	fault1    = "kind: PodChaos\n"
)

// asked is what the run of a test was asked, of a document that asks for one SLO.
func asked() promotiontest.Asked {
	spend := 0.001
	return promotiontest.Asked{
		Name: "pod-kill", YAML: document1, Faults: []string{fault1}, Ended: now.Add(-time.Hour), Bad: 50,
		Spec: result.Spec{
			Timing: result.Timing{Baseline: 10, Observe: 10, Recover: 20, AskedBaseline: 10, AskedRecover: 20, Scrape: 1, Evaluation: 1, Window: 10, Confirm: 10},
			SLOs:   []result.SLO{{Name: "availability", Objective: 0.999, Window: result.InSeconds(30 * 24 * time.Hour), Good: "good", Total: "all", MaxBudgetSpend: &spend}},
			Radius: &result.RadiusLimit{MaxTargets: 1, MaxPercent: 34},
		},
	}
}

func attach(t *testing.T, claim attest.Claim, r result.Report) attest.Attached {
	t.Helper()
	var b bytes.Buffer
	if err := result.Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	decoded, err := result.Decode(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := attest.NewStatement(claim, decoded, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return attest.Attached{Digest: attest.Digest(b.Bytes()), Statement: s, Report: b.Bytes()}
}

func right() attest.Claim {
	return attest.Claim{Image: oneDigest, Revision: oneRevision, Environment: "staging"}
}

func question() Question {
	return Question{
		Revision: oneRevision, Image: oneDigest, Environment: "staging", Now: now,
		Policy: VerdictPolicy{Of: "monitor", Target: result.TargetCluster, MaxAge: 72 * time.Hour, Experiments: []string{"a.yaml"}},
		Wanted: []Wanted{{Name: "pod-kill", File: "a.yaml", Digest: attest.DocumentDigest(document1, []string{fault1})}},
		Hardly: func(result.Run) string { return "" },
	}
}

func TestAPairGoesOnWhenEveryExperimentPassedForIt(t *testing.T) {
	type given struct {
		q     Question
		asked promotiontest.Asked
		claim attest.Claim
		// edit changes the report that was made, before it is attached.
		edit   func(*result.Report)
		target string
		more   []attest.Attached
		ill    []error
	}
	const fail, inc = result.Fail, result.Inconclusive
	unsigned := errors.New("nobody signed it")
	for name, tc := range map[string]struct {
		with func(*testing.T, *given)
		want result.Verdict
		says string
	}{
		"it passed": {func(*testing.T, *given) {}, result.Pass, ""},
		"it failed": {func(_ *testing.T, g *given) {
			g.asked.Bad = 100
			tight := 0.0001
			g.asked.Spec.SLOs[0].MaxBudgetSpend = &tight
		}, fail, "pod-kill: verdict"},
		"it failed once and passed since": {func(t *testing.T, g *given) {
			failing := asked()
			tight := 0.0001
			failing.Bad, failing.Spec.SLOs[0].MaxBudgetSpend, failing.Ended = 100, &tight, now.Add(-2*time.Hour)
			g.more = append(g.more, attach(t, right(), promotiontest.Report(result.TargetCluster, promotiontest.Run(t, failing))))
		}, fail, "pod-kill: verdict"},
		"one count was edited": {func(_ *testing.T, g *given) {
			g.edit = func(r *result.Report) { r.Experiments[0].Evidence.Series.Counts[0].Steps[12].Good += 50 }
		}, inc, "the digest of spec and evidence"},
		"one count was edited, and the digest with it": {func(_ *testing.T, g *given) {
			g.edit = func(r *result.Report) {
				run := &r.Experiments[0]
				steps := run.Evidence.Series.Counts[0].Steps
				steps[len(steps)-1].Good += 50
				run.Digest, _ = run.Sum()
			}
		}, inc, "the report differs from what its evidence shows"},
		"a forged verdict is beside a true one": {func(t *testing.T, g *given) {
			r := promotiontest.Report(result.TargetCluster, promotiontest.Run(t, asked()))
			r.Experiments[0].Evidence.Series.Counts[0].Steps[12].Good++
			g.more = append(g.more, attach(t, right(), r))
		}, inc, "the digest of spec and evidence"},
		"the statement speaks of another report": {func(t *testing.T, g *given) {
			a := attach(t, right(), promotiontest.Report(result.TargetCluster, promotiontest.Run(t, asked())))
			a.Statement.Runner.Version = "v2"
			g.more = append(g.more, a)
		}, inc, "its runner is not that of the report"},
		"it is too old":                {func(_ *testing.T, g *given) { g.asked.Ended = now.Add(-73 * time.Hour) }, inc, "is too old: it ended 73h0m0s ago, 72h0m0s are allowed"},
		"it is as old as it may be":    {func(_ *testing.T, g *given) { g.asked.Ended = now.Add(-72 * time.Hour) }, result.Pass, ""},
		"it is from the future":        {func(_ *testing.T, g *given) { g.asked.Ended = now.Add(time.Hour) }, inc, "is from the future"},
		"it is of another image":       {func(_ *testing.T, g *given) { g.claim.Image = otherDigest }, inc, "is of another image, 89abcdef0123"},
		"it is of another revision":    {func(_ *testing.T, g *given) { g.claim.Revision = otherRevision }, inc, "is of another revision, 89abcdef0123"},
		"it is of another environment": {func(_ *testing.T, g *given) { g.claim.Environment = "sandbox" }, inc, "is of another environment, sandbox"},
		"it is of another target":      {func(_ *testing.T, g *given) { g.target = result.TargetLocal }, inc, "is of another target, local"},
		"it is of a milder document":   {func(_ *testing.T, g *given) { g.asked.YAML = "kind: Experiment\nspec: {}\n" }, inc, "is from another version of the experiment than a.yaml"},
		"it is of another fault":       {func(_ *testing.T, g *given) { g.asked.Faults = []string{"kind: PodChaos\nmode: none\n"} }, inc, "is from another version of the experiment than a.yaml"},
		"it asked for less": {func(_ *testing.T, g *given) {
			g.q.Wanted[0].Weaker = func(result.Run) error { return errors.New("its SLOs differ") }
		}, inc, "did not ask for what a.yaml says: its SLOs differ"},
		"it could hardly have failed": {func(_ *testing.T, g *given) {
			g.q.Hardly = func(result.Run) string { return "nothing was touched" }
		}, inc, "could hardly have failed: nothing was touched"},
		"it could hardly have failed, and may": {func(_ *testing.T, g *given) {
			g.q.Hardly, g.q.Policy.AllowIdle = func(result.Run) string { return "nothing was touched" }, true
		}, result.Pass, ""},
		"it had no fault": {func(_ *testing.T, g *given) {
			g.asked.Spec.Control = true
			g.edit = func(r *result.Report) { r.Experiments[0].Control = true }
		}, inc, "is from a control run, which injects no fault"},
		"it is not signed": {func(_ *testing.T, g *given) { g.q.Signed = func(string) error { return unsigned } }, inc, "nobody signed it"},
		"there is none":    {func(_ *testing.T, g *given) { g.q.Wanted[0].Name = "other" }, inc, "other: no verdict of it is attached for this revision, image and environment"},
		"one of two is missing": {func(_ *testing.T, g *given) {
			g.q.Wanted = append(g.q.Wanted, Wanted{Name: "network-delay", File: "b.yaml"})
		}, inc, "network-delay: no verdict"},
		"something cannot be read": {func(_ *testing.T, g *given) { g.ill = []error{errors.New("noise")} }, inc, "noise; remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			g := given{q: question(), asked: asked(), claim: right(), target: result.TargetCluster}
			tc.with(t, &g)
			r := promotiontest.Report(g.target, promotiontest.Run(t, g.asked))
			if g.edit != nil {
				g.edit(&r)
			}
			d := Decide(g.q, append(g.more, attach(t, g.claim, r)), g.ill)
			var said []string
			for _, o := range d.Objections {
				said = append(said, o.String())
			}
			if all := strings.Join(said, "\n"); d.Verdict != tc.want || !strings.Contains(all, tc.says) || (tc.want == result.Pass) != (all == "") {
				t.Errorf("%s, want %s and %q:\n%s", d.Verdict, tc.want, tc.says, all)
			}
			if tc.want == result.Pass && (len(d.Counted) != 1 || d.Counted[0].Experiment != "pod-kill") {
				t.Errorf("counted: %+v", d.Counted)
			}
		})
	}
}

func TestTheNewestPassIsCounted(t *testing.T) {
	older, newer := asked(), asked()
	older.Ended = now.Add(-3 * time.Hour)
	list := []attest.Attached{
		attach(t, right(), promotiontest.Report(result.TargetCluster, promotiontest.Run(t, newer))),
		attach(t, right(), promotiontest.Report(result.TargetCluster, promotiontest.Run(t, older))),
	}
	d := Decide(question(), list, nil)
	if d.Verdict != result.Pass || len(d.Counted) != 1 || !d.Counted[0].Ended.Equal(newer.Ended) || d.Counted[0].Attached != list[0].Digest {
		t.Errorf("%+v", d)
	}
}

func TestTheCommitSaysWhyAndWhat(t *testing.T) {
	c := Change{
		From: "staging", To: "prod", Now: now, Described: "## What changes\n\nnothing\n",
		Before: Pair{Revision: NotPromoted, Images: map[string]string{"monitor": ""}},
		After:  Pair{Revision: oneRevision, Images: map[string]string{"monitor": oneDigest}},
		Policy: Policy{Keys: []string{"keys/a.pub"}, Verdicts: &VerdictPolicy{MaxAge: 72 * time.Hour}},
		Decision: &Decision{Verdict: result.Pass, Counted: []Counted{
			{Experiment: "pod-kill", Ended: now.Add(-time.Hour), Attached: otherDigest, Runner: oneDigest},
		}},
	}
	const want = `What runs in staging goes to prod.

- revision: not-promoted-yet → 0123456789abcdef0123456789abcdef01234567
- monitor: none → ` + oneDigest + `

## Verdict

pass: each of 1 experiments passed in staging, with this revision and image, in the last 72h0m0s. Computed again from the evidence that is attached to the image.

- pod-kill: passed 2026-03-04T04:06:07Z, 1h0m0s ago; evidence ` + otherDigest + `, runner 0123456789ab

Images are signed with a key of keys/a.pub.

## What changes

nothing
`
	if got := c.Body(); got != want {
		t.Errorf("%s", got)
	}
	if got := c.Title(); got != "Promote 0123456789ab to prod" || len(got) >= 60 {
		t.Errorf("%q", got)
	}
	again := c
	again.Now = now.Add(time.Hour)
	if c.Branch() != again.Branch() || !strings.HasPrefix(c.Branch(), "promotion/prod-") {
		t.Errorf("%s and %s", c.Branch(), again.Branch())
	}
}
