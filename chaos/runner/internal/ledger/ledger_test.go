package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// noon is when the first run of a test ends.
func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

// run is one that ended some minutes after noon.
func run(id, name string, v result.Verdict, minutes int, spent map[string]float64) result.Run {
	r := result.Run{ID: id, Name: name, Attempt: 1}
	r.Verdict, r.Started, r.Ended = v, noon().Add(time.Duration(minutes-1)*time.Minute), noon().Add(time.Duration(minutes)*time.Minute)
	for slo, share := range spent {
		r.SLIs = append(r.SLIs, result.SLI{Name: slo, BudgetSpent: &share})
	}
	return r
}

func report(target string, runs ...result.Run) result.Report {
	return result.Report{Target: result.TargetInfo{Kind: target}, Experiments: runs}
}

func TestARunCountsOnceHoweverManyReportsHoldIt(t *testing.T) {
	one := report("cluster", run("a-1", "a", result.Pass, 1, nil))
	if got := ledger.Fold([]result.Report{one, one}); len(got) != 1 {
		t.Errorf("%d entries, want one", len(got))
	}
}

func TestARunWithoutAFaultIsNoEntry(t *testing.T) {
	control := run("a-1", "a", result.Pass, 1, nil)
	control.Control = true
	if got := ledger.Fold([]result.Report{report("cluster", control)}); len(got) != 0 {
		t.Errorf("entries %v", got)
	}
}

func TestTheLastRunOfEachTargetIsTheNewest(t *testing.T) {
	last := ledger.Last(ledger.Fold([]result.Report{
		report("cluster", run("b-1", "b", result.Pass, 1, nil), run("a-2", "a", result.Fail, 3, nil)),
		report("cluster", run("a-1", "a", result.Pass, 2, nil)),
		report("local", run("a-3", "a", result.Aborted, 1, nil)),
	}))
	var got []string
	for _, e := range last {
		got = append(got, e.Experiment+" "+e.Target+" "+string(e.Verdict))
	}
	if d := cmp.Diff([]string{"a cluster fail", "a local aborted", "b cluster pass"}, got); d != "" {
		t.Error(d)
	}
}
