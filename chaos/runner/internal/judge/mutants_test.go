package judge

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is a rule of the judge, and a change of its source that takes it away.
type mutant struct{ rule, file, old, new string }

func mutants() []mutant {
	return []mutant{
		{"a refused run is not judged", "before.go", `if b.Refused != nil {`, `if false && b.Refused != nil {`},
		{"residue stops a run", "before.go", `for _, left := range b.Residue {`, `for _, left := range b.Residue[:0] {`},
		{"a failed call stops a run", "before.go", `for _, f := range b.Failed {`, `for _, f := range b.Failed[:0] {`},
		{"clocks must be comparable", "before.go", `u > maxSkew {`, `u > 100*maxSkew {`},
		{"clocks must not move forward", "before.go", `d > maxSkew || d < -maxSkew`, `d < -maxSkew`},
		{"clocks must not move back", "before.go", `d > maxSkew || d < -maxSkew`, `d > maxSkew`},
		{"a fault needs a target", "before.go", `if len(f.Targets) == 0 {`, `if false {`},
		{"every fault is planned", "before.go", `if len(p.Faults) != p.Asked {`, `if false {`},
		{"a blast radius may be required", "before.go", `case limit == nil && x.RadiusRequired:`, `case limit == nil && false:`},
		{"targets are bounded", "before.go", `p.Radius.Targets > limit.MaxTargets`, `p.Radius.Targets > 10*limit.MaxTargets`},
		{"the share is bounded", "before.go", `p.Radius.Percent > limit.MaxPercent`, `p.Radius.Percent > 10*limit.MaxPercent`},
		{"a budget that is gone is not spent", "budget.go", `float64(b.Left) < planned`, `float64(b.Left) < 0`},
		{"all runs of the command are planned for", "budget.go", `if b.Planned != nil {`, `if false {`},
		{"a budget that is unknown refuses nothing", "budget.go", `!b.Unknown && `, ``},
		{"a control run spends nothing", "budget.go", `if x.Control {`, `if false {`},
		{"a budget may be overridden", "before.go", `if !x.IgnoreBudget {`, `if true {`},
		{"an override is said", "budget.go", `if !x.IgnoreBudget {`, `if true {`},
		{"an observation holds two scrapes", "hold.go", `t.Observe.Duration() < least {`, `t.Observe.Duration() < 0 {`},
		{"an alert has the time to fire", "hold.go", `within < least {`, `within < 0 {`},
		{"a rule can fire in its time", "hold.go", `within < earliest {`, `within < 0 {`},
		{"a rule can fire before the faults end", "hold.go", `ends > 0 && ends < earliest {`, `false {`},
		{"a fault is held for its alerts", "hold.go", `bound.After(most) {`, `false {`},
		{"an alert that is late is no longer waited for", "hold.go", `!fired(e.Match) && now.Before(`, `!fired(e.Match) || now.Before(`},
		{"earlier errors leave the windows", "settle.go", `if !Unsettled(l) {`, `if true {`},
		{"an alert that earlier errors fired is none of this run", "settle.go", `return l.State != "" ||`, `return`},
		{"earlier errors may be under the threshold", "settle.go", `float64(l.Ratio) > l.Threshold`, `float64(l.Ratio) >= l.Threshold`},
		{"a young history cannot show that an alert is missing", "expectations.go", `case f.fired.IsZero() && youngFor(as.ev, e) != "":`, `case false:`},
		{"only the rules of an alert make it young", "young.go", `couldBe(e.Match, h.Rule) && Young(h, t)`, `Young(h, t)`},
		{"a history grows", "young.go", `t.Sub(h.At) < h.Window.Duration()`, `0 < h.Window.Duration()`},
		{"a young history may fire an alert by itself", "expectations.go", `why := onlyYoung(as.ev, s); why != ""`, `why := onlyYoung(as.ev, s); why == "never"`},
		{"what a full history would fire is fired", "young.go", `case worst > h.Threshold:`, `case false:`},
		{"only a burn rate is computed again", "young.go", `h.SLO == "" ||`, ``},
		{"a full window holds more events", "young.go", `(healthy+e.total)`, `(0*healthy+e.total)`},
		{"errors before the run stay in the window", "young.go", `(before+e.bad)`, `(0*before+e.bad)`},
		{"errors that nobody counted may be the fault's", "young.go", `if !known || h.Ratio == nil {`, `if !known {`},
		{"the instrument is fit before", "before.go", `gate(result.InstrumentUnfit, "%s is %.4g, %s", bound.Name, float64(r.Value), bs)`, `_ = bs`},
		{"every pod is ready before", "before.go", `if p.Ready < p.Wanted {`, `if false {`},
		{"some pod is ready before", "before.go", `b.HealthTrouble == nil && ready == 0`, `false`},
		{"a baseline has 100 events", "before.go", `case e.total < minEvents:`, `case e.total < 1:`},
		{"an SLO holds before", "before.go", `case !e.within(s.Objective):`, `case false:`},
		{"an expression holds before", "before.go", `gate(result.BaselineUnhealthy, "%s does not hold before the fault: %.4g, %s", v.Name, float64(r.Value), bs)`, `_ = bs`},
		{"no forbidden alert before", "before.go", `matching(b.Alerts, f)`, `matching(nil, f)`},
		{"no expected alert before", "before.go", `matching(b.Alerts, e.Match)`, `matching(nil, e.Match)`},
		{"no alert that is older than the fault", "judge.go", `r != "" && firingAt(s, *ev.Moments.T0)`, `false`},

		{"a rule is loaded", "rules.go", `if !loaded {`, `if false && !loaded {`},
		{"rules can be vouched for", "rules.go", `if len(r.Wanted) == 0 {`, `if false {`},
		{"a group shows that it is evaluated", "rules.go", `!slices.Contains(r.Heartbeats, w.Group)`, `false`},
		{"a heartbeat is that of a group", "rules.go", `w.Group == "" ||`, ``},
		{"rules are evaluated in time", "rules.go", `case age > most:`, `case age > 100*most:`},
		{"rules are evaluated without error", "rules.go", `case r.Error != "":`, `case r.Error == "never":`},

		{"an injection must not fail", "during.go", `range ev.Ending.NotInjected {`, `range ev.Ending.NotInjected[:0] {`},
		{"a fault is confirmed on every target", "during.go", `!ok || !e.Shown {`, `ok && !e.Shown {`},
		{"a fault that does not show is not a fault", "during.go", `!ok || !e.Shown {`, `!ok || !e.Shown && false {`},
		{"a fault is held", "judge.go", `if !measured[result.StageHold][f] {`, `if false {`},
		{"a fault is shown", "judge.go", `if !measured[result.StageConfirm][f.Fault] {`, `if false {`},
		{"five seconds without data end a run", "during.go", `>= Blindness {`, `>= 100*Blindness {`},
		{"an unfit instrument ends a run", "during.go", `b.Name == e.Name && !bs.hold(float64(e.Value))`, `false && bs.hold(0)`},
		{"a guard rail trips", "during.go", `burn < x.Rails[r.Rail].BurnRate {`, `burn < 2*x.Rails[r.Rail].BurnRate {`},
		{"a guard rail needs its whole stretch", "during.go", `e.ratio()*min(1, r.Over.Duration().Seconds()/stretch(x, rail).Seconds())`, `e.ratio()`},
		{"an interrupt is not a pass", "judge.go", `i := ev.Ending.Interrupt; i != nil`, `i := ev.Ending.Interrupt; i != nil && i.Lost`},
		{"a lost target has its own reason", "judge.go", `case i.Lost:`, `case false:`},
		{"a kill switch under fault aborts", "judge.go", `case i.KillSwitch && ev.Moments.T0 != nil:`, `case false:`},
		{"a kill switch before the fault has its own reason", "judge.go", `case i.KillSwitch:`, `case false:`},
		{"a kill switch that refuses has its own reason", "finding.go", `return result.KillSwitch`, `return result.Busy`},

		{"a budget is bounded", "assertions.go", `share > *s.MaxBudgetSpend {`, `share > 100**s.MaxBudgetSpend {`},
		{"bad events count until the end of the watch", "assertions.go", `spent(as.ev, s, cs, *m.End)`, `spent(as.ev, s, cs, m.End.Add(-4*time.Second))`},
		{"bad events count from the fault on", "counts.go", `cs.between(*ev.Moments.T0, t)`, `cs.between(*ev.Moments.Began, t)`},
		{"two missing counts are not a pass", "assertions.go", `case gap >= 2:`, `case gap >= 3:`},
		{"one missing count is allowed", "assertions.go", `case gap >= 2:`, `case gap >= 1:`},
		{"the last count is there", "assertions.go", `case !cs.ends(`, `case false && !cs.ends(`},
		{"traffic does not dry up", "assertions.go", `case quiet < minVolume*rate:`, `case quiet < 0:`},
		{"counts are read again", "assertions.go", `case c.Unread != nil:`, `case false:`},
		{"an expression is bounded", "assertions.go", `case got.broken != nil:`, `case false:`},
		{"an expression is judged a scrape and an evaluation longer", "assertions.go", `m.Removed.Add(lag(as.x))`, `*m.Removed`},
		{"NaN is not a pass", "values.go", `case !absent(p.Kind):`, `case false:`},
		{"two missing values are not a pass", "values.go", `case missing >= 2:`, `case false:`},
		{"a missing value near the bound is not a pass", "values.go", `case closeBy(steps, i, bs):`, `case false:`},
		{"values are read again", "assertions.go", `case vs.Unread != nil:`, `case false:`},
		{"an expected alert fires", "expectations.go", `as.fail(result.AlertMissing,`, `_ = func(...any) {}; as.fail(result.AlertLate,`},
		{"an expected alert is in time", "replay.go", `case took > e.Within.Duration():`, `case false:`},
		{"an expected alert is not later than what predicts it", "replay.go", `if fired.After(p.by) {`, `if false {`},
		{"what predicts an alert bounds it in place of a full outage", "replay.go", `return p.text
		}`, `return p.text
		}
		if took > e.Within.Duration() {
			return p.text
		}`},
		{"an author's bound holds alone", "replay.go", `case e.WithinPredicted && !p.by.IsZero():`, `case !p.by.IsZero():`},
		{"an expected alert is not earlier than what predicts it", "replay.go", `if at.Before(a.band.Start) {`, `if false {`},
		{"an alert does not fire without its errors", "replay.go", `p.early = fmt.Sprintf("after %s, and what`, `_ = fmt.Sprintf("after %s, and what`},
		{"every series is early by itself", "replay.go", `if at.Before(a.band.Start) {`, `if leads && at.Before(a.band.Start) {`},
		{"what predicts an alert is read", "expectations.go", `case p.unread != nil:`, `case false:`},
		{"a series that is not there was not read", "replay.go", `if !ok || series.Unread != nil {`, `if series.Unread != nil {`},
		{"a condition that is not there was not read", "replay.go", `return []answer{{rule: r, unread: orUnread(nil)}}`, `return nil`},
		{"a condition that could not be read predicts nothing", "replay.go", `if c.Unread != nil {`, `if false {`},
		{"a guard delays an alert", "replay.go", `if r.Burn.LeastBad > 0 {`, `if false {`},
		{"an alert waits for what others record", "replay.go", `Hop: r.Hop.Duration()`, `Hop: 0 * r.Hop.Duration()`},
		{"an alert waits for its pending time", "replay.go", `For: r.For.Duration()`, `For: 0 * r.For.Duration()`},
		{"a rule raises the alerts with its labels", "replay.go", `a.rule.Rule.Alert != name || !matches(a.rule.Rule.Labels, name, labels)`, `a.rule.Rule.Alert != name`},
		{"a condition raises the alerts of its own series", "replay.go", `return matches(own, name, labels)`, `return true`},
		{"an alert that two rules could have raised is not predicted", "replay.go", `case !reflect.DeepEqual(found.rule.Rule, a.rule.Rule):`, `case false:`},
		{"what was over before the fault fires nothing", "replay.go", `if s.End.Before(t0) {`, `if false {`},
		{"errors from before the fault count", "replay.go", `burning.Met(tallies, scrape, began, end)`, `burning.Met(tallies, scrape, t0, end)`},
		{"errors from before the fault nearly count", "replay.go", `burning.Nearly().Met(tallies, scrape, began, end)`, `burning.Nearly().Met(tallies, scrape, t0, end)`},
		{"an expected alert resolves", "expectations.go", `case e.ResolvesWithin > 0 && f.open:`, `case false:`},
		{"an expected alert resolves in time", "expectations.go", `case e.ResolvesWithin > 0 && after > e.ResolvesWithin.Duration():`, `case false:`},
		{"an expected alert arrives", "delivery.go", `a.Lacking.Sub(fired) >= DeliverySlack`, `false`},
		{"an alert may take a while to arrive", "delivery.go", `a.Lacking.Sub(fired) >= DeliverySlack`, `true`},
		{"an alert that nobody saw arrive is not a pass", "delivery.go", `a.Outcome, a.Observed = result.Unknown, a.Observed+"; "+text`, `return`},
		{"an alert arrives with its own labels", "delivery.go", `a.Name == s.Name && maps.Equal(a.Labels, s.Labels)`, `a.Name == s.Name && (true || maps.Equal(a.Labels, s.Labels))`},
		{"an Alertmanager that cannot be asked is not a pass", "delivery.go", `return arrivalUnknown, "Alertmanager could not be asked: " + d.Trouble.Detail`, `return arrived, ""`},
		{"where there is no Alertmanager nothing arrives", "delivery.go", `case d.None != "":
		a.Observed`, `case false:
		a.Observed`},
		{"a forbidden alert does not fire", "expectations.go", `if !fired || !matches(f, s.Name, s.Labels) {`, `if true || !fired || !matches(f, s.Name, s.Labels) {`},
		{"labels decide which alert it is", "alerts.go", `if have != v {`, `if false && have != v {`},
		{"a control run expects no alert", "expectations.go", `case as.x.Control && !f.fired.IsZero():`, `case false:`},

		{"the end of the watch is sampled", "recovery.go", `steps[len(steps)-1].Missing`, `false`},
		{"pods are back", "recovery.go", `case now.Ready < now.Wanted:`, `case false:`},
		{"a workload is as large as before", "recovery.go", `case now.Wanted < before.Wanted && !now.Autoscaled:`, `case false:`},
		{"an autoscaler may shrink a workload", "recovery.go", `now.Wanted < before.Wanted && !now.Autoscaled`, `now.Wanted < before.Wanted`},
		{"an SLO holds for a window", "recovery.go", `case !e.within(s.Objective):`, `case false:`},
		{"nothing breaks again", "recovery.go", `why := brokeAgain(x, ev, c.at); why != ""`, `why := brokeAgain(x, ev, c.at); why == "never"`},
		{"pods do not go again", "recovery.go", `h.From.After(from) && !h.From.After(end)`, `false`},
		{"a recovery has a deadline", "recovery.go", `deadline := m.Removed.Add(x.Timing.Recover.Duration() + scrape)`, `deadline := m.Removed.Add(100*x.Timing.Recover.Duration() + scrape)`},
		{"a removal must not fail", "judge.go", `if c.Removal != nil {`, `if false {`},
		{"nothing is left", "judge.go", `for _, left := range c.Residue {`, `for _, left := range c.Residue[:0] {`},
		{"an audit has an answer", "judge.go", `case c.Audited || len(c.Residue) > 0:`, `case true:`},
		{"something was asserted", "judge.go", `if !proof {`, `if !proof && false {`},
		{"what broke outranks what is missing", "finding.go", `return int(a.rank - b.rank)`, `return int(b.rank - a.rank)`},
	}
}

const (
	// wanted is set to run the mutants, mutated in the environment of their tests.
	wanted  = "BALLAST_MUTANTS"
	mutated = "BALLAST_MUTANT"
)

// TestEveryRuleIsHeldByATest takes one rule after the other away and runs the
// other tests of this package: some test must fail.
func TestEveryRuleIsHeldByATest(t *testing.T) {
	if os.Getenv(mutated) != "" {
		t.Skip("this is a mutant")
	}
	if os.Getenv(wanted) == "" {
		t.Skip("it builds the package once for every rule; `make mutants` runs it")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants() {
		t.Run(m.rule, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(here, m.file)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s has %q %d times; this list is out of date", m.file, m.old, n)
			}
			dir := t.TempDir()
			changed := filepath.Join(dir, m.file)
			if err := os.WriteFile(changed, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
			if err != nil {
				t.Fatal(err)
			}
			list := filepath.Join(dir, "overlay.json")
			if err := os.WriteFile(list, overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			// The examples are enough: a property may or may not meet a mutant.
			cmd := exec.CommandContext(ctx, "go", "test", "-overlay", list, "-vet=off", "-count=1", "-run", "TestEveryRuleOfTheJudge|TestAn|TestA[^Jn]|TestLabels|TestEvents|TestThe|TestOne|TestNo|TestGaps", ".")
			cmd.Env = append(os.Environ(), mutated+"=1")
			out, err := cmd.CombinedOutput()
			switch {
			case ctx.Err() != nil:
				t.Fatalf("the tests of the mutant did not end: %v", ctx.Err())
			case err == nil:
				t.Errorf("no test misses the rule: with %q in place of %q all pass", m.new, m.old)
			case !strings.Contains(string(out), "--- FAIL"):
				t.Errorf("the mutant does not build:\n%s", out)
			}
		})
	}
}
