package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
)

// months are the reports of sixty days with experiments that run once a day: one that recovers more slowly since
// a version, one that wavers, and one that is new.
func months() []result.Report {
	var out []result.Report
	for day := range 60 {
		at := epoch.Add(time.Duration(day) * 24 * time.Hour)
		one := func(name string, v result.Verdict, recovery, detection float64) result.Run {
			r := result.Run{ID: fmt.Sprintf("%s-%d", name, day+1), Name: name, Attempt: 1, Started: at, Ended: at.Add(time.Minute)}
			r.Verdict = v
			if v != result.Pass {
				r.Reason = result.SLOBroken
			}
			r.TimeToRecover, r.TimeToDetect = ptr(result.Seconds(recovery)), ptr(result.Seconds(detection))
			return r
		}
		r := reportOf()
		slow := 2 + 0.1*float64(day%4)
		if day >= 40 {
			slow += 5
			r.Tool.Version = "v0.2.0"
		}
		flaky := result.Pass
		if day%3 == 0 {
			flaky = result.Fail
		}
		r.Experiments = []result.Run{one("monitor-pod-kill", result.Pass, slow, 4.5), one("monitor-network-loss", flaky, 0.4, 3)}
		if day > 55 {
			r.Experiments = append(r.Experiments, one("monitor-new", result.Pass, 1, 1))
		}
		out = append(out, r)
	}
	return out
}

func TestTrendsAnswerWhetherItIsBetterThanLastMonth(t *testing.T) {
	var page, text bytes.Buffer
	trends := trend.Of(months())
	if err := Trends(&page, trends); err != nil {
		t.Fatal(err)
	}
	if err := TrendsText(&text, trends); err != nil {
		t.Fatal(err)
	}
	accessible(t, page.Bytes())
	compare(t, "trends.outline", outline(t, page.Bytes()))
	compare(t, "trends.txt", text.Bytes())
	head, _, _ := strings.Cut(page.String(), "<main")
	for _, want := range []string{"Worse than last month.", "What got worse", "recovery worse since run monitor-pod-kill-41", "ballast v0.2.0 instead of v0.1.0", "Flaky", "monitor-network-loss"} {
		if !strings.Contains(head, want) {
			t.Errorf("the first screen lacks %q", want)
		}
	}
	if again := new(bytes.Buffer); Trends(again, trends) != nil || again.String() != page.String() {
		t.Error("a second rendering differs")
	}
}

func TestTrendsOfLittleOrNothingRender(t *testing.T) {
	for name, reports := range map[string][]result.Report{
		"nothing":                 nil,
		"a control run":           {reportOf(controlRun())},
		"one run":                 {reportOf(failRun())},
		"all could not be judged": {reportOf(inconclusiveRun(), skippedRun())},
	} {
		var page, text bytes.Buffer
		trends := trend.Of(reports)
		if err := Trends(&page, trends); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := TrendsText(&text, trends); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, out := range []string{page.String(), text.String()} {
			// What ran in one month alone is in no comparison, and "none could be judged" would be wrong.
			if !strings.Contains(out, "Too few runs to compare with last month.") || !strings.Contains(out, "No experiment ran in both months.") || strings.Contains(out, "NaN") || strings.Contains(out, "0001") {
				t.Errorf("%s:\n%s", name, out)
			}
		}
	}
}

func TestTrendsAreWrittenWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := WriteTrends(dir, trend.Of(months())); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != TrendsFile {
		t.Errorf("%v %v", files, err)
	}
}
