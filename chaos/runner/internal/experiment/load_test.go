package experiment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

func TestLoadReadsWhatIsWritten(t *testing.T) {
	got, err := Load([]string{"testdata/valid-full.yaml"}, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	slos := testSLOs(t)
	availability, _ := slos.Get("monitor-availability")
	latency, _ := slos.Get("monitor-latency")
	most, least := 0.5, 0.0
	want := Experiment{
		Name: "everything", File: "testdata/valid-full.yaml", Line: 3,
		Labels:     map[string]string{"app": "monitor", "fault": "pod"},
		Hypothesis: "Two sentences on two lines.",
		Baseline:   5 * time.Second, Observe: time.Minute, Recover: 45 * time.Second,
		SLOs: []Assertion{
			{Name: "monitor-availability", SLO: &availability, MaxBudgetSpend: 0.0025},
			{Name: "monitor-latency", SLO: &latency, MaxBudgetSpend: 0.001},
			{Name: "p99 latency", PromQL: "histogram_quantile(0.99, sum by (le) (rate(probe_request_duration_seconds_bucket[${window}])))", Max: &most, Min: &least},
		},
		Abort:  []GuardRail{{SLO: &availability, BurnRate: 200, For: 5 * time.Second}},
		Expect: []ExpectedAlert{{Name: "MonitorReplicaDown", Within: 20 * time.Second, ResolvesWithin: time.Minute}},
		Forbid: []ForbiddenAlert{
			{Labels: map[string]string{"severity": "page"}},
			{Labels: map[string]string{"alertname": "MonitorLatencyBurn", "service": "monitor"}},
		},
		Radius: &BlastRadius{MaxTargets: 2, MaxPercent: 34},
	}
	if len(got) != 1 {
		t.Fatalf("%d experiments", len(got))
	}
	if diff := cmp.Diff(want, got[0], cmpopts.IgnoreFields(Experiment{}, "Faults", "YAML")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var faults []string
	for _, f := range got[0].Faults {
		faults = append(faults, fmt.Sprintf("%s %s in %q, line %d, %s", f.ID(), f.Action, f.Namespace, f.Line, f.Duration))
	}
	if diff := cmp.Diff([]string{
		`PodChaos/kill pod-kill in "shop", line 34, 0s`,
		`NetworkChaos/slow delay in "", line 44, 20s`,
	}, faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(got[0].YAML, "apiVersion: ballast.dev") || strings.Contains(got[0].YAML, "PodChaos") {
		t.Errorf("the document's own text is\n%s", got[0].YAML)
	}
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	got, err := Load([]string{"testdata/valid-minimal.yaml"}, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	e := got[0]
	if e.Baseline != 10*time.Second || e.Observe != 30*time.Second || e.Recover != 30*time.Second || e.SLOs[0].MaxBudgetSpend != 0.001 || e.Radius != nil {
		t.Errorf("baseline %s, observe %s, recover %s, spend %v, radius %v", e.Baseline, e.Observe, e.Recover, e.SLOs[0].MaxBudgetSpend, e.Radius)
	}
}

// documentNamed returns a valid experiment with its fault.
func documentNamed(tb testing.TB, name, label string) string {
	tb.Helper()
	raw, err := os.ReadFile("testdata/valid-minimal.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "one-replica-lost", name)
	return strings.Replace(text, "{app: monitor}", "{app: monitor, kind: "+label+"}", 1)
}

// tree writes files into a new directory and returns it.
func tree(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func names(all []Experiment) string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = e.Name
	}
	return strings.Join(out, " ")
}

func TestDirectoriesAreReadWithTheirFoldersInOrder(t *testing.T) {
	dir := tree(t, map[string]string{
		"b.yaml": documentNamed(t, "b", "x"), "a.yml": documentNamed(t, "a", "x"), "sub/c.yaml": documentNamed(t, "c", "y"),
		"README.md": "# no experiment", ".hidden.yaml": "no: experiment", ".git/x.yaml": "no: experiment",
	})
	outside := tree(t, map[string]string{"d.yaml": documentNamed(t, "d", "y")})
	for link, target := range map[string]string{
		"loop": dir, "sub/up": "..", "linked.yaml": filepath.Join(outside, "d.yaml"), "folder.yaml": outside,
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("this file system has no links:", err)
		}
	}
	tests := map[string]struct {
		paths []string
		sel   map[string]string
		want  string
	}{
		"a directory":                         {[]string{dir}, nil, "a b d c"},
		"a file given too is read once":       {[]string{filepath.Join(dir, "b.yaml"), dir + "/"}, nil, "b a d c"},
		"the order of the paths counts":       {[]string{outside, filepath.Join(dir, "a.yml")}, nil, "d a"},
		"a link that is given is followed":    {[]string{filepath.Join(dir, "loop", "sub", "c.yaml")}, nil, "c"},
		"a selection keeps what carries it":   {[]string{dir}, map[string]string{"kind": "y"}, "d c"},
		"every label of the selection counts": {[]string{dir}, map[string]string{"kind": "x", "app": "monitor"}, "a b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t)
			opts.Select = tt.sel
			got, err := Load(tt.paths, opts)
			if err != nil {
				t.Fatal(err)
			}
			if names(got) != tt.want {
				t.Errorf("read %q, want %q", names(got), tt.want)
			}
		})
	}
}

func TestNothingToRunIsNoInvalidDocument(t *testing.T) {
	dir := tree(t, map[string]string{"sub/README.md": "nothing"})
	good := tree(t, map[string]string{"a.yaml": documentNamed(t, "a", "x")})
	tests := map[string]struct {
		paths []string
		sel   map[string]string
		want  string
	}{
		"a directory without YAML":     {[]string{dir}, nil, "hold no .yaml or .yml file"},
		"a path that does not exist":   {[]string{filepath.Join(dir, "gone")}, nil, "check the path"},
		"a label that nothing carries": {[]string{good}, map[string]string{"kind": "z"}, "none of 1 experiments carries kind=z"},
		"a label that nothing has":     {[]string{good}, map[string]string{"team": ""}, "carries team="},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t)
			opts.Select = tt.sel
			got, err := Load(tt.paths, opts)
			if !errors.Is(err, ErrNoExperiment) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d experiments, error %v", len(got), err)
			}
			var problems Problems
			if errors.As(err, &problems) {
				t.Error("it is reported as an invalid document")
			}
		})
	}
}

func TestEveryProblemOfEveryFileIsToldInOneGo(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.yaml": documentNamed(t, "same", "x"), "b.yaml": documentNamed(t, "same", "x"),
		"c.yaml": strings.Replace(documentNamed(t, "c", "x"), "mode: one", "mode: onn", 1),
		"d.yaml": strings.Repeat("# ", document.MaxBytes),
		"e.yaml": strings.Replace(documentNamed(t, "e", "x"), "slos:", "slo:", 1),
		"f.yaml": documentNamed(t, "f", "x"),
	})
	opts := testOptions(t)
	opts.Select = map[string]string{"kind": "no such"} // what is not selected must be valid too
	_, err := Load([]string{dir}, opts)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error %v", err)
	}
	want := []string{
		`b.yaml:1: metadata.name: "same" is also the name of the experiment in DIR/a.yaml:1; rename one`,
		`c.yaml:16: spec.mode: unknown mode "onn"; did you mean one?`,
		`d.yaml: the file has 2097152 bytes; split it, at most 1048576 are read`,
		`e.yaml:8: spec.slo: unknown field; did you mean slos?`,
	}
	got := strings.Split(strings.ReplaceAll(strings.ReplaceAll(problems.Error(), dir+"/a.yaml:1;", "DIR/a.yaml:1;"), dir+"/", ""), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeReadIsAProblemOfItsFile(t *testing.T) {
	dir := tree(t, map[string]string{"a.yaml": documentNamed(t, "a", "x")})
	if err := os.Symlink("gone", filepath.Join(dir, "b.yaml")); err != nil {
		t.Skip("this file system has no links:", err)
	}
	for _, path := range []string{dir, os.DevNull} {
		_, err := Load([]string{path}, testOptions(t))
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 {
			t.Errorf("%s: error %v, want one problem", path, err)
		}
	}
}

func TestLineEndsAndMarksOfOtherSystemsAreAccepted(t *testing.T) {
	text := documentNamed(t, "a", "x")
	for name, text := range map[string]string{"CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "a byte order mark": "\ufeff" + text} {
		t.Run(name, func(t *testing.T) {
			e, problems := Parse("f", []byte(text), testOptions(t))
			if len(problems) > 0 || e.Name != "a" || len(e.Faults) != 1 || strings.Contains(e.YAML, "\r") {
				t.Errorf("problems %v, experiment %+v", problems, e)
			}
		})
	}
}

func TestAlertsAreNotCheckedWhenTheirNamesAreNotKnown(t *testing.T) {
	opts := testOptions(t)
	opts.Alerts = nil
	if _, err := Load([]string{"testdata/invalid-alert-unknown.yaml"}, opts); err != nil {
		t.Error(err)
	}
	opts.Alerts = []slo.AlertModel{}
	if _, err := Load([]string{"testdata/valid-full.yaml"}, opts); err == nil {
		t.Error("no alert exists, and one is expected all the same")
	}
}

func TestExpandWindow(t *testing.T) {
	for expr, want := range map[string]string{
		"rate(a[$window])":                "rate(a[10s])",
		"rate(a[${window}]) $window":      "rate(a[10s]) 10s",
		"rate(a[$windows]) ${windows} $w": "rate(a[$windows]) ${windows} $w",
		"a":                               "a",
	} {
		if got := ExpandWindow(expr, 10*time.Second); got != want {
			t.Errorf("ExpandWindow(%q) = %q, want %q", expr, got, want)
		}
	}
	if got := ExpandWindow("$window", 2500*time.Millisecond); got != "2s500ms" {
		t.Errorf("a part of a second became %q", got)
	}
}

// The faults of a loaded experiment can be given a duration without changing it.
func TestFaultsOfAnExperimentStayAsTheyWere(t *testing.T) {
	e, problems := Parse("f", []byte(documentNamed(t, "a", "x")), testOptions(t))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	long := fault.WithDuration(e.Faults[0], time.Minute)
	if long.Duration != time.Minute || e.Faults[0].Duration != 0 {
		t.Errorf("durations %s and %s", long.Duration, e.Faults[0].Duration)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	opts := testOptions(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, problems := Parse("f", data, opts)
		if len(problems) > 0 {
			return
		}
		// What is accepted must be fit to run.
		if e.Name == "" || len(e.Name) > MaxName || e.Hypothesis == "" || len(e.Faults) == 0 || len(e.SLOs)+len(e.Expect)+len(e.Forbid) == 0 ||
			e.Baseline < minPhase || e.Observe < minPhase || e.Recover < minPhase {
			t.Errorf("accepted: %+v", e)
		}
		for _, a := range e.SLOs {
			if (a.SLO == nil) == (a.PromQL == "") || a.PromQL != "" && a.Max == nil && a.Min == nil || a.MaxBudgetSpend < 0 || a.MaxBudgetSpend > 1 {
				t.Errorf("accepted assertion: %+v", a)
			}
		}
		for _, g := range e.Abort {
			if g.SLO == nil || g.For <= 0 || g.BurnRate <= 0 || g.BurnRate >= 1/g.SLO.Budget() {
				t.Errorf("accepted guard rail: %+v", g)
			}
		}
	})
}

// 500 experiments are to be validated in under a second.
func BenchmarkLoad500(b *testing.B) {
	files := map[string]string{}
	raw, err := os.ReadFile("testdata/valid-full.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for i := range 500 {
		name := fmt.Sprintf("experiment-%03d", i)
		files[name+".yaml"] = strings.Replace(string(raw), "name: everything", "name: "+name, 1)
	}
	dir, opts := tree(b, files), testOptions(b)
	for b.Loop() {
		all, err := Load([]string{dir}, opts)
		if err != nil || len(all) != 500 {
			b.Fatalf("%d experiments: %v", len(all), err)
		}
	}
}
