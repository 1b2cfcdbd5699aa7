package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/chaos/runner/internal/trend"
)

// daily are the reports of an experiment that ran once a day up to the last day, with the
// verdicts given, the oldest first.
func daily(name, version string, last int, verdicts ...result.Verdict) []result.Report {
	var out []result.Report
	for i, v := range verdicts {
		at := epoch.Add(time.Duration(last-len(verdicts)+1+i) * 24 * time.Hour)
		run := result.Run{ID: fmt.Sprintf("%s-%s-%d", name, version, i+1), Name: name, Attempt: 1, Started: at, Ended: at.Add(time.Minute)}
		if run.Verdict = v; v == result.Inconclusive {
			run.Reason = result.LowTraffic
		} else if v != result.Pass {
			run.Reason = result.SLOBroken
		}
		run.TimeToRecover = ptr(result.Seconds(2))
		r := reportOf()
		r.Tool.Version, r.Experiments = version, []result.Run{run}
		out = append(out, r)
	}
	return out
}

// Whether things are better than last month is answered where there is an answer, and nowhere
// else: a month of too few runs is no improvement, and a change of versions is said.
func TestTheFirstScreenSaysWhetherItIsBetterAndWhatElseDiffers(t *testing.T) {
	const before, now = 29, 59 // the last days of the months
	times := func(n int, v result.Verdict) []result.Verdict { return slices.Repeat([]result.Verdict{v}, n) }
	mixed := slices.Concat(times(5, result.Pass), times(5, result.Fail))
	for name, tt := range map[string]struct {
		reports  []result.Report
		headline string
		mood     result.Verdict
		want     []string
	}{
		"more runs pass, of another version": {
			slices.Concat(daily("kill", "v0.1.0", before, mixed...), daily("kill", "v0.2.0", now, times(10, result.Pass)...)),
			"Better than last month.", result.Pass,
			[]string{"This month 10 of 10 judged runs passed (100%), the month before 5 of 10 judged runs passed (50%).", "ballast v0.2.0 instead of v0.1.0."},
		},
		"fewer runs pass, of another version": {
			slices.Concat(daily("kill", "v0.1.0", before, times(6, result.Pass)...), daily("kill", "v0.2.0", now, times(6, result.Fail)...)),
			"Worse than last month.", result.Fail,
			[]string{"This month 0 of 6 judged runs passed (0%)", "ballast v0.2.0 instead of v0.1.0.", "Too few runs to say: 1 experiment."},
		},
		"fewer runs pass, and nothing else differs": {
			slices.Concat(daily("kill", "v0.1.0", before, times(6, result.Pass)...), daily("kill", "v0.1.0", now, times(6, result.Fail)...)),
			"Worse than last month.", result.Fail,
			[]string{"The same as at the end of the month before."},
		},
		"nothing moved, but the version": {
			slices.Concat(daily("kill", "v0.1.0", before, times(8, result.Pass)...), daily("kill", "v0.2.0", now, times(8, result.Pass)...)),
			"As good as last month.", result.Pass,
			[]string{"ballast v0.2.0 instead of v0.1.0."},
		},
		"four runs this month, all of which failed": {
			slices.Concat(daily("kill", "v0.1.0", before, times(8, result.Pass)...), daily("kill", "v0.2.0", now, times(4, result.Fail)...)),
			"Too few runs to compare with last month.", result.Inconclusive,
			[]string{"This month 0 of 4 judged runs passed (0%)", "Each month needs five judged runs", "ballast v0.2.0 instead of v0.1.0."},
		},
		"four runs in the month before": {
			slices.Concat(daily("kill", "v0.1.0", before, times(4, result.Fail)...), daily("kill", "v0.1.0", now, times(8, result.Pass)...)),
			"Too few runs to compare with last month.", result.Inconclusive,
			[]string{"Each month needs five judged runs"},
		},
		"many runs that could not be judged": {
			slices.Concat(daily("kill", "v0.1.0", before, times(8, result.Pass)...), daily("kill", "v0.1.0", now, times(20, result.Inconclusive)...)),
			"Too few runs to compare with last month.", result.Inconclusive,
			[]string{"This month no run could be judged"},
		},
		"a month without a run before this one": {
			daily("kill", "v0.1.0", now, times(8, result.Pass)...),
			"Too few runs to compare with last month.", result.Inconclusive,
			[]string{"No experiment ran in both months."},
		},
		"another experiment in each month": {
			slices.Concat(daily("kill", "v0.1.0", before, times(8, result.Fail)...), daily("loss", "v0.2.0", now, times(8, result.Pass)...)),
			"Too few runs to compare with last month.", result.Inconclusive,
			[]string{"No experiment ran in both months."},
		},
		"a new experiment that fails beside one that passes": {
			slices.Concat(daily("kill", "v0.1.0", before, times(8, result.Pass)...), daily("kill", "v0.1.0", now, times(8, result.Pass)...), daily("new", "v0.1.0", now, times(8, result.Fail)...)),
			"As good as last month.", result.Pass,
			[]string{"This month 8 of 8 judged runs passed (100%)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var page, text bytes.Buffer
			trends := trend.Of(tt.reports)
			if err := Trends(&page, trends); err != nil {
				t.Fatal(err)
			}
			if err := TrendsText(&text, trends); err != nil {
				t.Fatal(err)
			}
			head, _, _ := strings.Cut(page.String(), "<main")
			if !strings.Contains(head, "<span>"+tt.headline+"</span></h1>") || !strings.Contains(head, `<header class="top `+string(tt.mood)+`">`) {
				t.Errorf("the headline is not %q, as of %s", tt.headline, tt.mood)
			}
			for _, want := range append(tt.want, tt.headline) {
				if !strings.Contains(head, want) {
					t.Errorf("the first screen lacks %q:\n%s", want, head[strings.Index(head, "<dl"):])
				}
				if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
					t.Errorf("the text lacks %q:\n%s", want, &text)
				}
			}
		})
	}
}
