package report

import (
	"math"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestEveryAssertionSaysHowMuchOfItsBoundWasUsed(t *testing.T) {
	run := passRun()
	run.Spec.SLOs = []result.SLO{{Name: "monitor-availability", Objective: 0.999}}
	run.Spec.Rails = []result.Rail{{SLO: "monitor-availability", BurnRate: 200, For: 5}}
	run.Evidence.Watch.Rails = []result.RailReading{{Rail: 0, Bad: 10, Total: 500}, {Rail: 0, Bad: 1, Total: 500}}
	run.Asserts = append(run.Asserts,
		result.Assertion{Name: "guard rail monitor-availability", Kind: result.AssertGuard, Outcome: result.Held},
		result.Assertion{Name: "page", Kind: result.AssertForbid, Outcome: result.Held},
		result.Assertion{Name: "p99 latency", Kind: result.AssertPromQL, Outcome: result.Unknown},
	)
	want := map[string]string{
		"monitor-availability": "1.2%", "MonitorReplicaDown": "67%", "recovery": "16%", "guard rail monitor-availability": "10%", "page": "–",
	}
	for _, h := range headrooms(run) {
		if h.assertion.Outcome == result.Unknown {
			if h.known {
				t.Errorf("%s could not be judged and uses %s", h.assertion.Name, h)
			}
			continue
		}
		if w, ok := want[h.assertion.Name]; ok && h.String() != w {
			t.Errorf("%s: %s, want %s", h.assertion.Name, h, w)
		}
	}
	if h, ok := closest(headrooms(run)); !ok || h.assertion.Name != "MonitorReplicaDown" {
		t.Errorf("closest: %+v", h)
	}
	if h := headrooms(controlRun()); len(h) != 1 || h[0].known {
		t.Errorf("a control run has no fault that could use a bound: %+v", h)
	}
}

func TestAValueIsComparedWithTheBoundThatItCameNearest(t *testing.T) {
	run := result.Run{}
	run.T0, run.Removed = ptr(epoch), ptr(at(10)[0].T)
	for name, tt := range map[string]struct {
		sli   result.SLI
		want  float64
		known bool
	}{
		"an upper bound":              {result.SLI{Max: ptr(10.0), Points: at(2, 4)}, 0.4, true},
		"a lower bound":               {result.SLI{Min: ptr(1.0), Points: at(2, 4)}, 0.5, true},
		"both":                        {result.SLI{Min: ptr(1.0), Max: ptr(40.0), Points: at(2, 4)}, 0.5, true},
		"after the removal":           {result.SLI{Max: ptr(10.0), Points: at(2, 30)}, 0.2, true},
		"before the fault":            {result.SLI{Max: ptr(10.0), Points: at(-2)}, 0, false},
		"a bound of zero":             {result.SLI{Max: ptr(0.0), Points: at(2)}, 0, false},
		"a negative upper bound":      {result.SLI{Max: ptr(-1.0), Points: at(2)}, 0, false},
		"no bound":                    {result.SLI{Points: at(2)}, 0, false},
		"nothing measured":            {result.SLI{Max: ptr(1.0)}, 0, false},
		"a value of zero and a floor": {result.SLI{Min: ptr(1.0), Points: at(0)}, 0, false},
	} {
		got, known := usedOfValues(run, tt.sli)
		if math.Abs(got-tt.want) > 1e-9 || known != tt.known {
			t.Errorf("%s: %v %v, want %v %v", name, got, known, tt.want, tt.known)
		}
	}
}

func TestAPassThatCouldHardlyHaveFailedSaysSo(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(s *scene)
		want   string
	}{
		"an alert has to fire": {func(s *scene) { s.alert("MonitorReplicaDown", "expected", "ticket", 2, 6, 36, 4, 9) }, ""},
		"no request was bad": {
			func(s *scene) { s.availability(0, 0, quiet); s.recovers() },
			"the fault touched none of the traffic: no request was bad, and no measured value rose by a tenth over its baseline",
		},
		"no request was bad, but latency rose": {func(s *scene) { s.availability(0, 0, quiet); s.latency(0.2) }, ""},
		"all bounds are far away": {
			func(s *scene) { s.availability(0.0000116, 3, quiet) },
			"monitor-availability came closest, with 1.2% of its bound: it would have had to be 86 times as much",
		},
		"recovery took a sixth of its time": {func(s *scene) { s.availability(0.0000116, 3, quiet); s.recovers() }, ""},
		"half of the budget":                {func(s *scene) { s.availability(0.0005, 130, quiet) }, ""},
		"nothing has a number":              {func(*scene) {}, ""},
		"it failed":                         {func(s *scene) { s.availability(0, 0, quiet); s.run.Verdict = result.Fail }, ""},
		"without a fault":                   {func(s *scene) { s.availability(0, 0, quiet); s.run.Control = true }, ""},
	} {
		s := newScene("a", "b", 0)
		tt.change(s)
		if got := toothless(s.run); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
