package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func ptr[T any](v T) *T { return &v }

// full is a report with every field set.
func full() Report {
	at := time.Date(2026, 3, 4, 5, 6, 7, 800_000_000, time.UTC)
	return Report{
		Version: Version, Verdict: Fail, Started: at, Ended: at.Add(time.Minute),
		Command: []string{"ballast", "run", "chaos/experiments"}, Directory: "/srv/ballast",
		Tool:   Tool{Version: "v0.1.0", Revision: "abc+dirty", Go: "go1.26", OS: "linux", Arch: "amd64", CPUs: 2, Modules: map[string]string{"prometheus": "v3"}},
		Target: TargetInfo{Kind: "local", ScrapeInterval: 1, EvaluationInterval: 1, AlertScale: 75, Notes: []string{"backfilled"}},
		Experiments: []Run{{
			ID:         "r1",
			Name:       "pod-kill",
			File:       "a.yaml",
			Labels:     map[string]string{"app": "monitor"},
			Hypothesis: "Nobody sees it.",
			Attempt:    1,
			Control:    true,
			Started:    at,
			Ended:      at.Add(time.Minute),
			Phases:     []PhaseSpan{{Phase: Baseline, Start: at, End: at}},
			Faults:     []Fault{{Kind: "PodChaos", Action: "pod-kill", Name: "k", Mode: "one", Duration: 3, Targets: []string{"default/a"}, Emulated: "so", YAML: "x"}},
			Overhead:   .4,
			YAML:       "kind: Experiment",
			Judgment: Judgment{
				Verdict:  Fail,
				Reason:   SLOBroken,
				Summary:  "It broke.",
				Findings: []Finding{{Verdict: Fail, Reason: SLOBroken, Detail: "0.2% spent"}},
				T0:       &at,
				T1:       &at,
				Removed:  &at,
				Back:     &at,
				Radius:   Radius{Targets: 1, Percent: 33.3},
				Effects:  []Effect{{Fault: "PodChaos/k", Target: "default/a", Injected: true, Shown: true, Observed: "new pid", At: at}},
				Asserts:  []Assertion{{Name: "a", Kind: AssertSLO, Outcome: Broken, Expected: "e", Observed: "o"}},
				SLIs: []SLI{{
					Name: "a", Unit: "error ratio", Query: "q", Max: ptr(.001), Min: ptr(0.), Objective: ptr(.999),
					Points: []Point{{at, .5}}, BurnRate: []Point{{at, 500}},
					BadEvents: ptr(1.), TotalEvents: ptr(2.), BaselineRate: ptr(3.), BudgetSpent: ptr(4.), BudgetLimit: ptr(5.), BudgetEvents: ptr(6.), WindowDays: ptr(30.),
				}},
				Alerts: []Alert{{
					Name: "A", Labels: map[string]string{"a": "b"}, Severity: "page", Pending: []Span{{at, at}}, Firing: []Span{{at, at}}, Role: "expected",
					PredictedMin: ptr(Seconds(1)), PredictedMax: ptr(Seconds(2)), Measured: ptr(Seconds(1.5)), ResolvedIn: ptr(Seconds(9)),
				}},
				Residue:       []string{"process 7"},
				TimeToDetect:  ptr(Seconds(1.5)),
				TimeToRecover: ptr(Seconds(2.5)),
			},
		}},
	}
}

func TestReportSurvivesARoundTrip(t *testing.T) {
	for name, r := range map[string]Report{
		"everything set": full(),
		"nothing run":    {Version: Version, Verdict: Inconclusive},
		"a run that never began": {Version: Version, Verdict: Inconclusive, Experiments: []Run{
			{Name: "x", Faults: []Fault{{Name: "f"}}, Judgment: Judgment{Verdict: Inconclusive, Reason: Skipped, SLIs: []SLI{{Name: "empty"}}}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			if err := Encode(&buf, r); err != nil {
				t.Fatal(err)
			}
			got, err := Decode(&buf)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.Normal(), got); d != "" {
				t.Errorf("round trip (-in +out):\n%s", d)
			}
		})
	}
}

func TestNumbersThatJSONCannotHoldAreMissingData(t *testing.T) {
	r := full()
	s := &r.Experiments[0].SLIs[0]
	s.Points = []Point{{V: math.NaN()}, {V: 1}, {V: math.Inf(1)}}
	s.BudgetSpent = ptr(math.Inf(1))
	r.Experiments[0].TimeToDetect = ptr(Seconds(math.NaN()))
	var buf bytes.Buffer
	if err := Encode(&buf, r); err != nil {
		t.Fatal(err)
	}
	got, err := Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	run := got.Experiments[0]
	if len(run.SLIs[0].Points) != 1 || run.SLIs[0].BudgetSpent != nil || run.TimeToDetect != nil {
		t.Errorf("kept: %+v", run)
	}
	if len(s.Points) != 3 || s.BudgetSpent == nil {
		t.Error("Encode changed its argument")
	}
}

func TestDecodeRefuses(t *testing.T) {
	valid := func() string {
		var buf bytes.Buffer
		if err := Encode(&buf, full()); err != nil {
			t.Fatal(err)
		}
		return buf.String()
	}()
	tests := map[string]struct {
		in   string
		want error
	}{
		"nothing":                   {"", ErrMalformed},
		"another format":            {"<testsuites/>", ErrMalformed},
		"a list":                    {"[]", ErrMalformed},
		"no version":                {"{}", ErrVersion},
		"another version":           {strings.Replace(valid, Version, "ballast.dev/report/v1", 1), ErrVersion},
		"an unknown field":          {strings.Replace(valid, `"directory"`, `"folder": "", "directory"`, 1), ErrMalformed},
		"an unknown verdict":        {strings.Replace(valid, `"verdict": "fail"`, `"verdict": "green"`, 1), ErrMalformed},
		"a run without verdict":     {`{"version":"` + Version + `","verdict":"pass","experiments":[{}]}`, ErrMalformed},
		"something behind it":       {valid + "{}", ErrMalformed},
		"a cut file":                {valid[:len(valid)/2], ErrMalformed},
		"a number as a string":      {strings.Replace(valid, `"attempt": 1`, `"attempt": "1"`, 1), ErrMalformed},
		"a time that is not a time": {strings.Replace(valid, `"started": "2026`, `"started": "soon`, 1), ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(strings.NewReader(tt.in)); !errors.Is(err, tt.want) {
				t.Errorf("Decode: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDecodeRefusesWhatNothingCanBePredictedFrom(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	predicted := func() Report {
		r := full()
		run := &r.Experiments[0]
		id := RuleID{Alert: "Burn"}
		run.Spec.Expect = []ExpectedAlert{{Name: "Burn", Rules: []AlertRule{
			{Rule: id, Evaluation: 1, Hop: 1, For: 1, Burn: &BurnRule{SLO: "a", Good: "g", Total: "t", Long: 48, Short: 4, Threshold: 0.0144, LeastBad: 3}},
			{Rule: RuleID{Alert: "Down"}, Evaluation: 1, Condition: "up == 0"},
		}}}
		run.Evidence.Series.Errors = []Errors{{SLO: "a", Steps: []Count{{T: at, Good: 1, Total: 1}, {T: at.Add(time.Second), Good: 2, Total: 3}}}}
		run.Evidence.Series.Conditions = []Condition{{Rule: RuleID{Alert: "Down"}, Step: 0.1, Met: []Met{
			{Labels: map[string]string{"pod": "b"}, Spans: []Span{{at, at.Add(time.Second)}, {at.Add(2 * time.Second), at.Add(3 * time.Second)}}},
		}}}
		return r
	}
	for name, tt := range map[string]struct {
		edit func(*Run)
		says string // empty: it is read
	}{
		"as it was measured":              {func(*Run) {}, ""},
		"an evaluation of no time":        {func(r *Run) { r.Spec.Expect[0].Rules[0].Evaluation = 0 }, "spec.expect[0].rules[0], of Burn: evaluation is 0"},
		"a negative hop":                  {func(r *Run) { r.Spec.Expect[0].Rules[0].Hop = -1 }, "hop is -1"},
		"a negative pending time":         {func(r *Run) { r.Spec.Expect[0].Rules[1].For = -1 }, "spec.expect[0].rules[1], of Down: for is -1"},
		"a rule of two kinds":             {func(r *Run) { r.Spec.Expect[0].Rules[0].Condition = "up == 0" }, "both burn and condition"},
		"a window of no time":             {func(r *Run) { r.Spec.Expect[0].Rules[0].Burn.Short = 0 }, "windows are 48 and 0"},
		"a threshold that all errors are": {func(r *Run) { r.Spec.Expect[0].Rules[0].Burn.Threshold = 1 }, "threshold is 1"},
		"fewer bad events than none":      {func(r *Run) { r.Spec.Expect[0].Rules[0].Burn.LeastBad = -1 }, "leastBad is -1"},
		"errors out of order":             {func(r *Run) { r.Evidence.Series.Errors[0].Steps[1].T = at }, "evidence.series.errors[0].steps[1] is not after the one before it"},
		"errors that are taken back":      {func(r *Run) { r.Evidence.Series.Errors[0].Steps[1].Total = 0.5 }, "errors[0].steps[1] counts fewer events"},
		"errors below none":               {func(r *Run) { r.Evidence.Series.Errors[0].Steps[0].Good = -1 }, "errors[0].steps[0] counts less than no events"},
		"errors that are missing":         {func(r *Run) { r.Evidence.Series.Errors[0].Steps[0].Missing = true }, "errors[0].steps[0] is missing"},
		"a condition read at no distance": {func(r *Run) { r.Evidence.Series.Conditions[0].Step = 0 }, "conditions[0].step is 0"},
		"a condition that was not read": {func(r *Run) {
			r.Evidence.Series.Conditions[0] = Condition{Unread: &Trouble{Kind: TroubleUnreachable}}
		}, ""},
		"a span that ends before it begins": {func(r *Run) {
			r.Evidence.Series.Conditions[0].Met[0].Spans[1].End = at
		}, "conditions[0].met[0].spans[1] is out of order"},
		"spans out of order": {func(r *Run) {
			s := r.Evidence.Series.Conditions[0].Met[0].Spans
			s[0], s[1] = s[1], s[0]
		}, "conditions[0].met[0].spans[1] is out of order"},
	} {
		t.Run(name, func(t *testing.T) {
			r := predicted()
			tt.edit(&r.Experiments[0])
			var buf bytes.Buffer
			if err := Encode(&buf, r); err != nil {
				t.Fatal(err)
			}
			_, err := Decode(&buf)
			switch {
			case tt.says == "" && err != nil:
				t.Errorf("Decode: %v", err)
			case tt.says != "" && (!errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), `experiments[0] "pod-kill"`)):
				t.Errorf("Decode: %v, want %q", err, tt.says)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	var buf bytes.Buffer
	if err := Encode(&buf, full()); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte(`{"version":"` + Version + `","verdict":"pass","experiments":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Encode(&out, r); err != nil {
			// A year beyond 9999 is read but not written.
			var unsupported *json.MarshalerError
			if errors.As(err, &unsupported) {
				return
			}
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		again, err := Decode(&out)
		if err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
		if d := cmp.Diff(r, again, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("round trip (-first +second):\n%s", d)
		}
	})
}
