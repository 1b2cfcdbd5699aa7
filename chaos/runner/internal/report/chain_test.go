package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func told(run result.Run) string {
	var b strings.Builder
	for _, l := range chain(run) {
		fmt.Fprintf(&b, "%s %s %s: %s\n", l.State, l.Stage, l.When, l.What)
	}
	return b.String()
}

func TestARedRunTellsTheChainFromFaultToRecovery(t *testing.T) {
	want := `pass Fault 0 s: NetworkChaos delay on default/monitor-7d9f4-a.
pass Effect +0.8 s: default/monitor-7d9f4-a median round trip 304 ms, 0.4 ms before.
fail SLI +1 s: monitor-availability had bad requests from +1 s to +31 s, 34% at its worst (+31 s).
fail SLI +2 s: p99 latency was out of its bound from +2 s to +30 s, 0.721 at its worst`
	got := told(failRun())
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, w := range []string{
		"pass Alert +12 s: MonitorReplicaDown: fired 12 s after the fault began.",
		"pass Alert +3 s: MonitorErrorBudgetBurn: fired 3 s after",
		"pass Recovery +31.2 s: Removal of the fault was asked for.",
		"pass Recovery +34.4 s: The last trace of the fault was gone.",
	} {
		if !strings.Contains(got, w) {
			t.Errorf("%q is missing in\n%s", w, got)
		}
	}
}

func TestWhatWasNotSeenIsALinkToo(t *testing.T) {
	run := failRun()
	run.T1, run.Back, run.TimeToRecover, run.Alerts = nil, nil, nil, nil
	run.Effects[0].Shown = false
	run.Asserts = append(run.Asserts, result.Assertion{Name: "Burn", Kind: result.AssertExpect, Outcome: result.Broken, Observed: "it did not fire"})
	run.SLIs = run.SLIs[:0]
	got := told(run)
	for _, w := range []string{
		"inconclusive Effect –: Not seen on any target; NetworkChaos/monitor-slow-network on default/monitor-7d9f4-a: median",
		"fail Alert –: Burn: it did not fire.",
		"inconclusive Recovery –: Not seen.",
	} {
		if !strings.Contains(got, w) {
			t.Errorf("%q is missing in\n%s", w, got)
		}
	}
	run = residueRun()
	if got := told(run); !strings.Contains(got, "fail Recovery –: Left behind: process 41233") || !strings.Contains(got, "No alert fired.") || !strings.Contains(got, "No SLI that was measured left its bound.") {
		t.Errorf("residue:\n%s", got)
	}
}

func TestOnlyRunsThatDidNotPassHaveAChain(t *testing.T) {
	for name, run := range map[string]result.Run{"passed": passRun(), "control": controlRun(), "not begun": skippedRun()} {
		if got := chain(run); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
