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
		"nothing":                {"", ErrMalformed},
		"another format":         {"<testsuites/>", ErrMalformed},
		"a list":                 {"[]", ErrMalformed},
		"no version":             {"{}", ErrVersion},
		"another version":        {strings.Replace(valid, Version, "ballast.dev/report/v1", 1), ErrVersion},
		"an unknown field":       {strings.Replace(valid, `"directory"`, `"folder": "", "directory"`, 1), ErrMalformed},
		"an unknown verdict":     {strings.Replace(valid, `"verdict": "fail"`, `"verdict": "green"`, 1), ErrMalformed},
		"a run without verdict":  {`{"version":"` + Version + `","verdict":"pass","experiments":[{}]}`, ErrMalformed},
		"something behind it":    {valid + "{}", ErrMalformed},
		"a cut file":             {valid[:len(valid)/2], ErrMalformed},
		"a number as a string":   {strings.Replace(valid, `"attempt": 1`, `"attempt": "1"`, 1), ErrMalformed},
		"a time that is no time": {strings.Replace(valid, `"started": "2026`, `"started": "soon`, 1), ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(strings.NewReader(tt.in)); !errors.Is(err, tt.want) {
				t.Errorf("Decode: %v, want %v", err, tt.want)
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
