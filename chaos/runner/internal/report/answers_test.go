package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// spoiled is a run that did not pass for the reason given.
func spoiled(v result.Verdict, reason result.Reason, detail string, change func(*scene)) result.Run {
	s := newScene("monitor-slow-network", "300 ms of extra latency on one replica stays within the objective.", 0)
	s.fault("NetworkChaos", "delay", "", "median round trip 304 ms, 0.4 ms before", "default/monitor-7d9f4-a")
	s.availability(0.0002, 52, spike(0.03, 1, 5))
	s.recovers()
	s.run.Verdict, s.run.Reason, s.run.Summary = v, reason, detail
	s.run.Findings = []result.Finding{{Verdict: v, Reason: reason, Detail: detail}}
	if change != nil {
		change(s)
	}
	return s.run
}

// The checklist of the first screen: for each kind of outcome it says what broke, how long,
// what it cost and what to do.
func TestTheFirstScreenAnswersForEveryKindOfOutcome(t *testing.T) {
	for name, tt := range map[string]struct {
		run                       result.Run
		broke, lasted, cost, todo string
	}{
		"an expression left its bound": {
			spoiled(result.Fail, result.SLOBroken, "p99 latency was 0.72", func(s *scene) { s.latency(0.71) }),
			"p99 latency: 0.725 at its worst (expected: at most 0.5).",
			"28 s out of bounds (p99 latency, from +2 s to +30 s)",
			"0.02% of the error budget of monitor-availability: 52 of 5,100 requests",
			"Find out why the service did not bear the fault",
		},
		"the budget was overspent": {
			spoiled(result.Fail, result.SLOBroken, "monitor-availability spent 0.417%", func(s *scene) {
				s.run.SLIs, s.run.Asserts = nil, nil
				s.availability(0.00417, 1081, spike(0.34, 1, 31))
				s.counts(36, 1, 31)
			}),
			"monitor-availability: 0.417% (1,081 of 5,100 requests were bad) (expected: at most 0.1% of the error budget).",
			"30 s of bad requests (monitor-availability, from +1 s to +31 s)",
			"as much as 11 s of full outage, 4.2 times what was allowed",
			"Do not deploy this version.",
		},
		"the alert was late": {
			spoiled(result.Fail, result.AlertLate, "MonitorReplicaDown fired after 25 s", func(s *scene) {
				s.alert("MonitorReplicaDown", "expected", "ticket", 21, 25, 38)
				s.run.Asserts[2].Outcome = result.Broken
				s.run.Spec.Expect = []result.ExpectedAlert{{Name: "MonitorReplicaDown", Within: 20}}
			}),
			"MonitorReplicaDown: Fired 25 s after the fault began.", "MonitorReplicaDown fired after 25 s, due by 20 s: 5 s late",
			"0.02% of the error budget", "evaluations of the alert's group",
		},
		"the alert was missed": {
			spoiled(result.Fail, result.AlertMissing, "MonitorReplicaDown did not fire", func(s *scene) {
				s.run.Asserts = append(s.run.Asserts, result.Assertion{Name: "MonitorReplicaDown", Kind: result.AssertExpect, Outcome: result.Broken, Expected: "fires within 20s", Observed: "it did not fire"})
				s.run.Spec.Expect = []result.ExpectedAlert{{Name: "MonitorReplicaDown", Within: 20}}
			}),
			"MonitorReplicaDown: it did not fire (expected: fires within 20s).", "MonitorReplicaDown never fired, due by 20 s",
			"0.02% of the error budget", "ballast slo predict",
		},
		"it did not recover": {
			spoiled(result.Fail, result.NotRecovered, "not recovered within 20s: 2 of 3 pods are ready", func(s *scene) {
				s.run.Asserts[1].Outcome, s.run.Asserts[1].Observed = result.Broken, "2 of 3 pods are ready"
				s.run.Back, s.run.TimeToRecover = nil, nil
			}),
			"recovery: 2 of 3 pods are ready", "Not seen to recover in the 20 s after the fault was removed",
			"0.02% of the error budget", "what was still missing",
		},
		"a guard rail stopped it": {
			abortedRun(), "998 over 5 s (expected: burn rate below 200 over 5 s)", "bad requests (monitor-availability", "612 of 5,100 requests", "narrow the fault",
		},
		"something was left behind": {
			residueRun(), "Left behind: process 41233", "Recovered 3.2 s after the fault was removed. What was left behind was still there when the run ended.", "0% of the error budget", "ballast sweep --target local",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := answer(tt.run, result.TargetInfo{Kind: result.TargetLocal})
			for _, c := range []struct{ what, got, want string }{
				{"what broke", got.Broke, tt.broke}, {"how long", got.Lasted, tt.lasted}, {"cost", got.Cost, tt.cost}, {"what to do", got.Do, tt.todo},
			} {
				if !strings.Contains(c.got, c.want) {
					t.Errorf("%s: %q, want %q in it", c.what, c.got, c.want)
				}
			}
			text := inspect(t, reportOf(passRun(), tt.run), func(string, map[string]string) {})
			if head, _, _ := strings.Cut(text, "<main"); strings.Count(head, "<dt>") != 4 || !strings.Contains(head, "What to do") {
				t.Error("the four answers are not on the first screen")
			}
		})
	}
}

func TestARunThatCouldNotBeJudgedSaysWhyAndWhatToDo(t *testing.T) {
	reasons := constantsOf(t, "Reason")
	judged := []string{ // reasons of the other verdicts alone
		"slo-broken", "alert-missing", "alert-late", "fired-early", "alert-not-resolved", "alert-not-delivered", "alert-forbidden",
		"not-recovered", "guard-rail", "left-behind",
	}
	n := 0
	for _, reason := range reasons {
		if slices.Contains(judged, reason) {
			continue
		}
		n++
		run := spoiled(result.Inconclusive, result.Reason(reason), "why it was so", nil)
		got := answer(run, result.TargetInfo{Kind: result.TargetCluster})
		if got.Broke != "Nothing is known to be: the run could not be judged; why it was so." {
			t.Errorf("%s: what broke: %q", reason, got.Broke)
		}
		if got.Lasted == "" || got.Cost == "" || got.Do == "" {
			t.Errorf("%s: an answer is missing: %+v", reason, got)
		}
		if strings.Contains(got.Cost, "charged") {
			t.Errorf("%s: a cluster's clients are charged: %q", reason, got.Cost)
		}
	}
	if n < 20 {
		t.Errorf("only %d reasons were tried", n)
	}
	notBegun := answer(skippedRun(), result.TargetInfo{Kind: result.TargetLocal})
	if notBegun.Lasted != "No fault was injected." || notBegun.Cost != "No error budget was counted." {
		t.Errorf("a run that was not begun: %+v", notBegun)
	}
}

// Also the reasons that speak for another verdict have an advice.
func TestEveryReasonHasAnAdvice(t *testing.T) {
	seen := map[string]string{}
	for _, reason := range constantsOf(t, "Reason") {
		run := result.Run{}
		run.Reason = result.Reason(reason)
		text := advice(run, "local")
		if text == "" {
			t.Errorf("%s: no advice", reason)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s and %s have the same advice", reason, other)
		}
		seen[text] = reason
	}
}

func TestAGreenPageSaysHowCloseItWas(t *testing.T) {
	easy := passRun()
	easy.Name = "easy"
	easy.Asserts = slices.DeleteFunc(slices.Clone(easy.Asserts), func(a result.Assertion) bool { return a.Kind == result.AssertExpect })
	easy.TimeToRecover = ptr(result.Seconds(0.1))
	got := green([]result.Run{passRun(), easy}, result.TargetInfo{Kind: result.TargetLocal})
	for _, c := range []struct{ got, want string }{
		{got.Broke, "Nothing: all 7 assertions held. Closest to its bound: MonitorReplicaDown of monitor-pod-failure, with 67% of it."},
		{got.Lasted, "Slowest recovery: 3.2 s after the fault was removed (monitor-pod-failure)."},
		{got.Cost, "0.00116% of the error budget of monitor-availability: 3 of 5,100 requests"},
		{got.Do, "Tighten what could hardly have failed: easy."},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("got %q, want %q in it", c.got, c.want)
		}
	}
	if got := green([]result.Run{passRun()}, result.TargetInfo{}); got.Do != "Nothing." {
		t.Errorf("what to do: %q", got.Do)
	}
	if got := green([]result.Run{controlRun()}, result.TargetInfo{}); got.Lasted != "No fault was injected." || got.Do != "Nothing." {
		t.Errorf("a control run: %+v", got)
	}
}

func TestBadEventsLastFromTheScrapeBeforeTheFirstToThatOfTheLast(t *testing.T) {
	run := failRun()
	hs := harms(run)
	if len(hs) != 2 {
		t.Fatalf("harms: %+v", hs)
	}
	if h := hs[0]; h.from.Sub(*run.T0) != time.Second || h.to.Sub(*run.T0) != 31*time.Second || h.open {
		t.Errorf("of the counts: from %s to %s, open %v", h.from.Sub(*run.T0), h.to.Sub(*run.T0), h.open)
	}
	if got := hs[1].story(windowOf(run)); !strings.HasPrefix(got, "p99 latency was out of its bound from +2 s to +30 s, 0.72") {
		t.Errorf("of the points: %q", got)
	}
	steps := run.Evidence.Series.Counts[0].Steps
	run.Evidence.Series.Counts[0].Steps = steps[:20]
	if h := harms(run)[0]; !h.open {
		t.Error("bad at the last measurement, it may have gone on")
	}
	for i := range steps {
		steps[i].Missing = true
	}
	if hs := harms(run); len(hs) != 1 {
		t.Errorf("without a single count nothing is known of the SLO: %+v", hs)
	}
}
