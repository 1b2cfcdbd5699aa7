package judge

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/quick"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// arbitrary is a record made of a passing one by up to four random changes: some
// pass, some fail, some cannot be judged.
func arbitrary(rng *rand.Rand) record {
	r := passing()
	if rng.IntN(3) == 0 {
		r.oneShot()
	}
	if rng.IntN(4) == 0 {
		r.x.SLOs[0].MaxBudgetSpend = ptr(1.0)
	}
	for range rng.IntN(4) {
		from := rng.IntN(end)
		to := min(end, from+1+rng.IntN(4))
		safely(func() {
			switch rng.IntN(9) {
			case 0:
				r.bad(from, to, float64(rng.IntN(60)))
			case 1:
				r.bad(from, to, 1)
			case 2:
				if r.ev.Series.Counts[0].Steps[from].Missing {
					return
				}
				r.miss(from, min(end, from+rng.IntN(3)))
			case 3:
				r.value(from, to, 0.4+0.2*rng.Float64(), "")
			case 4:
				r.value(from, min(end, from+rng.IntN(2)), 0, result.TroubleNoData)
			case 5:
				r.ev.Series.Health[2].From = after(22 + 12*rng.Float64())
				r.ev.Series.Health[1].To = r.ev.Series.Health[2].From.Add(-time.Second / 2)
			case 6:
				r.ev.Series.Alerts[0].Firing[0].End = after(15 + 20*rng.Float64())
			case 7:
				rules := rules()
				if edit := rules[rng.IntN(len(rules))].edit; edit != nil {
					edit(&r)
				}
			case 8:
				r.x.Timing.Recover = result.Seconds(10 + rng.IntN(20))
			}
		})
	}
	return r
}

// safely makes an edit that may not fit a record that was changed before.
func safely(edit func()) {
	defer func() { _ = recover() }()
	edit()
}

const firesLater = "an expected alert that fires later"

// worse holds changes that must never turn another verdict into a pass.
func worse() map[string]func(*rand.Rand, *record) {
	return map[string]func(*rand.Rand, *record){
		"a bad event in place of a good one after the fault": func(rng *rand.Rand, r *record) {
			from := t0 + rng.IntN(end-t0)
			for i, c := range r.steps() {
				if i > from && !c.Missing {
					r.steps()[i].Good--
				}
			}
		},
		"a later recovery of the pods": func(rng *rand.Rand, r *record) {
			if len(r.ev.Series.Health) < 3 {
				return
			}
			back, away := &r.ev.Series.Health[2], &r.ev.Series.Health[1]
			later := time.Duration(rng.IntN(8000)) * time.Millisecond
			if back.From.Add(later).After(back.To) {
				return
			}
			away.To, back.From = away.To.Add(later), back.From.Add(later)
		},
		"more missing counts": func(rng *rand.Rand, r *record) {
			for i := range r.steps() {
				if rng.IntN(6) == 0 {
					r.miss(i, i)
				}
			}
		},
		"no count at the end": func(_ *rand.Rand, r *record) {
			if n := len(r.steps()); n > 0 {
				r.miss(n-1, n-1)
			}
		},
		"a missing count": func(rng *rand.Rand, r *record) {
			if n := len(r.steps()); n > 0 {
				i := rng.IntN(n)
				r.miss(i, i)
			}
		},
		"an unconfirmed target": func(rng *rand.Rand, r *record) {
			for i := range r.ev.Effects {
				if es := r.ev.Effects[i].Effects; len(es) > 0 {
					es[rng.IntN(len(es))].Shown = false
				}
			}
		},
		"another target that nobody measured": func(_ *rand.Rand, r *record) {
			if r.ev.Plan != nil {
				r.ev.Plan.Faults[0].Targets = append(r.ev.Plan.Faults[0].Targets, "monitor/z")
			}
		},
		firesLater: func(rng *rand.Rand, r *record) {
			for i := range r.ev.Series.Alerts {
				if a := &r.ev.Series.Alerts[i]; len(r.ev.Series.Alerts) == 1 && len(a.Firing) > 0 && !a.Firing[0].Start.Before(after(t0)) {
					a.Firing[0].Start = a.Firing[0].Start.Add(time.Duration(rng.IntN(6000)) * time.Millisecond)
				}
			}
		},
		"a shorter history": func(rng *rand.Rand, r *record) {
			if len(r.ev.Before.Histories) == 0 {
				r.youngDown()
			}
			r.ev.Before.Histories[0].Reaches = result.Seconds(rng.IntN(100))
		},
		"an alert of earlier errors": func(_ *rand.Rand, r *record) { r.lasting(StatePending, 0) },
		"a kill switch":              func(_ *rand.Rand, r *record) { r.ev.Ending.Interrupt = &result.Interrupt{KillSwitch: true} },
		"a finding more":             func(_ *rand.Rand, r *record) { r.ev.Ending.Interrupt = &result.Interrupt{} },
	}
}

func TestWhatIsWorseNeverTurnsIntoAPass(t *testing.T) {
	for name, change := range worse() {
		t.Run(name, func(t *testing.T) {
			verdicts := map[result.Verdict]int{}
			property := func(seed uint64) bool {
				// The same seed makes the same record twice, as edits change it in place.
				before := arbitrary(rand.New(rand.NewPCG(seed, 1)))
				changed := arbitrary(rand.New(rand.NewPCG(seed, 1)))
				was, _ := Judge(before.x, before.ev)
				if name == firesLater && slices.ContainsFunc(was.Findings, func(f result.Finding) bool { return f.Reason == result.FiredEarly }) {
					return true // later may be in time
				}
				safely(func() { change(rand.New(rand.NewPCG(seed, 2)), &changed) })
				is, _ := Judge(changed.x, changed.ev)
				verdicts[was.Verdict]++
				if was.Verdict != result.Pass && is.Verdict == result.Pass {
					t.Logf("seed %d: %s %q became a pass: %+v", seed, was.Verdict, was.Reason, was.Findings)
					return false
				}
				return true
			}
			if err := quick.Check(property, &quick.Config{MaxCount: 4000}); err != nil {
				t.Error(err)
			}
			// Records that all pass, or never do, would show nothing.
			for _, v := range []result.Verdict{result.Pass, result.Fail, result.Inconclusive} {
				if verdicts[v] < 100 {
					t.Errorf("only %d records are %s: %v", verdicts[v], v, verdicts)
				}
			}
		})
	}
}

func TestAMissingValueBesideOneNearTheBoundIsNeverAPass(t *testing.T) {
	property := func(seed uint64) bool {
		rng := rand.New(rand.NewPCG(seed, 3))
		r := passing()
		i := t0 + rng.IntN(removed-t0) // of the value that is missing
		beside := i + []int{-1, 1}[rng.IntN(2)]
		r.value(beside, beside, 0.45+0.2*rng.Float64(), "")
		r.value(i, i, 0, []result.TroubleKind{result.TroubleNoData, result.TroubleStale}[rng.IntN(2)])
		j, _ := Judge(r.x, r.ev)
		return j.Verdict != result.Pass
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func TestAJudgmentDependsOnItsEvidenceAlone(t *testing.T) {
	property := func(seed uint64) bool {
		r := arbitrary(rand.New(rand.NewPCG(seed, 1)))
		a, errA := Judge(r.x, r.ev)
		b, errB := Judge(r.x, r.ev)
		return a.Verdict == b.Verdict && slices.Equal(a.Findings, b.Findings) && slices.Equal(a.Asserts, b.Asserts) && (errA == nil) == (errB == nil)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 500}); err != nil {
		t.Error(err)
	}
}
