package trend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
)

// noon is when the first run of a test ends.
func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

// history are reports of one run each, a day apart, with the recovery given; a negative one
// is a failure without recovery.
func history(name string, recoveries ...float64) []result.Report {
	var out []result.Report
	for i, v := range recoveries {
		r := result.Run{ID: fmt.Sprintf("%s-%d", name, i+1), Name: name, Attempt: 1}
		r.Ended = noon().Add(time.Duration(i) * 24 * time.Hour)
		r.Verdict = result.Pass
		if v < 0 {
			r.Verdict, r.Reason = result.Fail, result.NotRecovered
		} else {
			s := result.Seconds(v)
			r.TimeToRecover = &s
		}
		out = append(out, result.Report{
			Tool: result.Tool{Version: "v1"}, Target: result.TargetInfo{Kind: result.TargetLocal}, Experiments: []result.Run{r},
		})
	}
	return out
}

func shiftOf(t *testing.T, reports []result.Report, m trend.Measure) trend.Shift {
	t.Helper()
	for _, s := range trend.Of(reports).Experiments[0].Shifts {
		if s.Measure == m {
			return s
		}
	}
	t.Fatalf("no shift of %s", m)
	return trend.Shift{}
}

func repeat(v float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v + 0.1*float64(i%3)
	}
	return out
}

func join(parts ...[]float64) (out []float64) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func TestTheFirstRunAfterWhichItGotWorseIsNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		recoveries []float64
		want       trend.Direction
		since      string
	}{
		"fourteen runs are too few":              {repeat(1, 14), trend.TooFew, ""},
		"as ever":                                {repeat(1, 40), trend.Steady, ""},
		"one slow run":                           {join(repeat(1, 20), []float64{9}, repeat(1, 4)), trend.Steady, ""},
		"two slow runs of the last five":         {join(repeat(1, 20), repeat(9, 2)), trend.Steady, ""},
		"three slow runs":                        {join(repeat(1, 20), repeat(9, 3)), trend.Worse, "x-21"},
		"slow for so long that it is the range":  {join(repeat(1, 20), repeat(9, 30)), trend.Worse, "x-21"},
		"slow, then as before":                   {join(repeat(1, 20), repeat(9, 4), repeat(1, 20)), trend.Steady, ""},
		"slow for long, then faster than before": {join(repeat(5, 20), repeat(9, 20), repeat(1, 20)), trend.Better, "x-41"},
		"faster":                                 {join(repeat(5, 10), repeat(1, 5)), trend.Better, "x-11"},
		"slower, after a fast run":               {join(repeat(1, 10), []float64{1, 9, 9, 9, 9}), trend.Worse, "x-12"},
	} {
		got := shiftOf(t, history("x", tt.recoveries...), trend.Recovery)
		if got.Direction != tt.want || got.Since != tt.since || got.N != len(tt.recoveries) {
			t.Errorf("%s: %s since %q of %d, want %s since %q", name, got.Direction, got.Since, got.N, tt.want, tt.since)
		}
	}
}

func TestWhatRanIsAmongTheVersionsThatDiffer(t *testing.T) {
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	reports := history("x", 1, 1, 1)
	for i, images := range []map[string][]string{
		{"monitor": {digest("a")}, "linkerd-proxy": {digest("e")}},
		{"monitor": {digest("a"), digest("b")}, "linkerd-proxy": {digest("e")}}, // in the middle of a rollout
		{"monitor": {digest("b")}, "linkerd-proxy": {digest("e")}},
	} {
		reports[i].Target = result.TargetInfo{Kind: result.TargetCluster, Cluster: &result.ClusterInfo{Images: images}}
	}
	for i, c := range []string{"c", "d"} {
		r := history("x", 1)[0]
		r.Experiments[0].ID = "local-" + c
		r.Experiments[0].Ended = noon().Add(time.Duration(i+1) * time.Hour)
		r.Target.Monitor = digest(c)
		reports = append(reports, r)
	}
	var got []string
	for _, v := range trend.Of(reports).Versions {
		got = append(got, fmt.Sprintf("%s %s: %d", v.What, v.Version, v.Runs))
	}
	want := []string{
		"executable of the monitor sha256:cccccccccccc: 1", "executable of the monitor sha256:dddddddddddd: 1",
		"image of monitor sha256:aaaaaaaaaaaa: 1", "image of monitor sha256:aaaaaaaaaaaa, sha256:bbbbbbbbbbbb: 1", "image of monitor sha256:bbbbbbbbbbbb: 1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFailuresAreAShiftOfTheVerdict(t *testing.T) {
	reports := history("x", join(repeat(1, 12), []float64{-1, 1, -1, -1})...)
	reports[12].Tool.Version = "v2"
	for i := 13; i < len(reports); i++ {
		reports[i].Tool.Version = "v2"
	}
	got := shiftOf(t, reports, trend.Verdicts)
	if got.Direction != trend.Worse || got.Since != "x-13" {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff([]trend.Change{{What: "ballast", From: "v1", To: "v2"}}, got.Changed); d != "" {
		t.Error(d)
	}
	all := trend.Of(reports)
	if len(all.Versions) != 2 || all.Versions[1].Version != "v2" || all.Versions[1].Runs != 4 {
		t.Errorf("versions that differ: %+v", all.Versions)
	}
	// What could not be judged says nothing of the service.
	for i := range reports {
		reports[i].Experiments[0].Verdict = result.Inconclusive
	}
	if got := shiftOf(t, reports, trend.Verdicts); got.Direction != trend.TooFew || got.N != 0 {
		t.Errorf("inconclusive runs: %+v", got)
	}
}

func TestAnExperimentThatWaversIsFlaky(t *testing.T) {
	for name, tt := range map[string]struct {
		recoveries []float64
		want       *trend.Flaky
	}{
		"always passes":              {repeat(1, 10), nil},
		"broke and stayed so":        {join(repeat(1, 5), []float64{-1, -1, -1}), nil},
		"one failure":                {join(repeat(1, 5), []float64{-1}, repeat(1, 4)), &trend.Flaky{Passed: 9, Of: 10, Changes: 2}},
		"a failure that is long ago": {join([]float64{1, -1}, repeat(1, 10)), nil},
		"every second run fails":     {[]float64{1, -1, 1, -1}, &trend.Flaky{Passed: 2, Of: 4, Changes: 3}},
		"two runs that do not agree": {[]float64{1, -1}, nil},
		"the last ten are looked at": {join([]float64{-1, 1, -1}, repeat(1, 10)), nil},
	} {
		if d := cmp.Diff(tt.want, trend.Of(history("x", tt.recoveries...)).Experiments[0].Flaky); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestTimesHaveASpread(t *testing.T) {
	x := trend.Of(history("x", 4, 1, 2, -1, 3, 5)).Experiments[0]
	if d := cmp.Diff(&trend.Spread{N: 5, Least: 1, Low: 2, Median: 3, High: 4, Most: 5, Last: 5}, x.Recovery); d != "" {
		t.Error(d)
	}
	if x.Detection != nil || x.Judged != 6 || x.Passed != 5 {
		t.Errorf("got %+v", x)
	}
}

func TestThisMonthIsComparedWithTheOneBefore(t *testing.T) {
	for name, tt := range map[string]struct {
		recoveries []float64
		want       trend.Direction
	}{
		"as before":                      {repeat(1, 60), trend.Steady},
		"slower":                         {join(repeat(1, 30), repeat(2, 30)), trend.Worse},
		"faster":                         {join(repeat(2, 30), repeat(1, 30)), trend.Better},
		"fewer passes":                   {join(repeat(1, 30), repeat(1, 27), []float64{-1, -1, -1}), trend.Worse},
		"fewer passes, but faster":       {join(repeat(2, 30), repeat(1, 27), []float64{-1, -1, -1}), trend.Mixed},
		"one failure in thirty is noise": {join(repeat(1, 30), repeat(1, 29), []float64{-1}), trend.Steady},
		"a month alone":                  {repeat(1, 29), trend.TooFew},
		"four runs of the month before":  {repeat(1, 34), trend.TooFew},
	} {
		if got := trend.Of(history("x", tt.recoveries...)).Months; got.Direction != tt.want {
			t.Errorf("%s: %s, want %s: %+v", name, got.Direction, tt.want, got)
		}
	}
	// An experiment that is new this month makes nothing worse.
	reports := history("x", repeat(1, 60)...)
	reports = append(reports, history("new", join(repeat(1, 40), repeat(1, 20))...)[40:]...)
	for i := range reports[60:] {
		reports[60+i].Experiments[0].Verdict = result.Fail
	}
	if got := trend.Of(reports).Months; got.Direction != trend.Steady || got.Experiments != 1 {
		t.Errorf("with a new experiment: %+v", got)
	}
}

func TestTheOrderAndCopiesOfReportsDoNotMatter(t *testing.T) {
	reports := history("x", join(repeat(1, 20), repeat(9, 5))...)
	want := trend.Of(reports)
	shuffled := append([]result.Report{}, reports[10:]...)
	shuffled = append(append(shuffled, reports[:10]...), reports[3], reports[22])
	if d := cmp.Diff(want.Experiments[0].Shifts, trend.Of(shuffled).Experiments[0].Shifts); d != "" {
		t.Error(d)
	}
	if got := trend.Of(shuffled); got.Runs != 25 || !got.First.Equal(noon()) {
		t.Errorf("%d runs from %s", got.Runs, got.First)
	}
	if got := trend.Of(nil); got.Runs != 0 || got.Months.Direction != trend.TooFew {
		t.Errorf("no reports: %+v", got)
	}
}
