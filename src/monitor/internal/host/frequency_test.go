package host

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func online(ids ...string) []CoreTimes {
	cores := make([]CoreTimes, len(ids))
	for i, id := range ids {
		cores[i].ID = id
	}
	return cores
}

func TestFrequenciesAreInHertzAndAbsentWhereTheDriverDoesNotSay(t *testing.T) {
	tr := newTree(t)
	const cpus = "sys/devices/system/cpu/"
	if got, rep := tr.Frequencies(t.Context(), online("0")); got != nil || rep.Files != nil {
		t.Errorf("a machine without frequency scaling: %v, %+v", got, rep)
	}
	tr.put(cpus+"cpufreq/policy0/affected_cpus", "0")
	tr.put(cpus+"cpu0/cpufreq/scaling_cur_freq", "2400000")
	tr.put(cpus+"cpu1/cpufreq/scaling_cur_freq", "<unknown>")
	tr.put(cpus+"cpu2/cpufreq/scaling_cur_freq", "fast")
	tr.block(cpus + "cpu3/cpufreq/scaling_cur_freq")
	tr.put(cpus+"cpu9/cpufreq/scaling_cur_freq", "1") // offline
	var got map[string]float64
	var rep Report
	// In a bubble the clock stands, so that a busy machine does not use up
	// the budget.
	synctest.Test(t, func(t *testing.T) {
		got, rep = tr.Frequencies(t.Context(), online("0", "1", "2", "3", "4"))
	})
	if d := cmp.Diff(map[string]float64{"0": 2.4e9}, got); d != "" {
		t.Errorf("hertz (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"cpu2"}, skipped(rep)); d != "" || len(rep.Files) != 1 || rep.Files[0].Reason != Other {
		t.Errorf("skipped (-want +got):\n%s%+v", d, rep.Files)
	}
}

func TestFrequenciesThatTakeLongAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f frequencyReader
		took := time.Millisecond
		asked := 0
		one := func(string) (float64, bool) { asked++; time.Sleep(took); return 1, true }
		read := func() (int, bool) {
			asked = 0
			_, ok := f.read(online("0", "1", "2", "3", "4"), one, time.Now)
			return asked, ok
		}
		if n, ok := read(); n != 5 || !ok {
			t.Errorf("cheap ones: asked %d, %v", n, ok)
		}
		took = 20 * time.Millisecond
		for try := range patienceTries - 1 {
			if n, ok := read(); n != 2 || !ok {
				t.Errorf("try %d: asked %d, %v, want 2: the budget is used up", try, n, ok)
			}
		}
		took = time.Millisecond
		if n, ok := read(); n != 5 || !ok {
			t.Errorf("cheap again: asked %d, %v", n, ok)
		}
		took = 20 * time.Millisecond
		for range patienceTries {
			read()
		}
		if n, ok := read(); n != 0 || ok {
			t.Errorf("after %d slow readings in a row: asked %d, %v", patienceTries, n, ok)
		}
		time.Sleep(patiencePause)
		if n, ok := read(); n != 2 || !ok {
			t.Errorf("after the pause: asked %d, %v, want one more try", n, ok)
		}
		if n, ok := read(); n != 0 || ok {
			t.Errorf("after a try that was slow again: asked %d, %v", n, ok)
		}
		took = time.Millisecond
		time.Sleep(patiencePause)
		for range 2 {
			if n, ok := read(); n != 5 || !ok {
				t.Errorf("cheap again after the pause: asked %d, %v", n, ok)
			}
		}
	})
}
