package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPressureIsReadForEachResource(t *testing.T) {
	tr := newTree(t)
	tr.put("proc/pressure/io", "some avg10=1.50 avg60=0.75 avg300=0.25 total=2500000", "full avg10=1.00 avg60=0.50 avg300=0.12 total=1250000")
	tr.put("proc/pressure/cpu", "some avg10=80.00 avg60=40.00 avg300=20.00 total=10000000", "full avg10=0.00 avg60=0.00 avg300=0.00 total=0")
	tr.put("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0 later=1.5")
	tr.put("proc/meminfo", "MemTotal: 1000 kB")
	tr.put("proc/vmstat", "pswpin 0")
	tr.put("proc/diskstats", "8 0 sda 10 0 20 30 0 0 0 0 0 40 50")

	d, _, err := tr.Disk(t.Context())
	want := &Pressure{
		Some: Stall{Percent10s: 1.5, Percent60s: 0.75, Percent300s: 0.25, Seconds: 2.5},
		Full: &Stall{Percent10s: 1, Percent60s: 0.5, Percent300s: 0.12, Seconds: 1.25},
	}
	if diff := cmp.Diff(want, d.Pressure); diff != "" || err != nil {
		t.Errorf("io (-want +got):\n%s%v", diff, err)
	}
	cpu, rep := tr.CPUPressure(t.Context())
	want = &Pressure{Some: Stall{Percent10s: 80, Percent60s: 40, Percent300s: 20, Seconds: 10}}
	if diff := cmp.Diff(want, cpu); diff != "" || rep.Files != nil {
		t.Errorf("cpu, whose full share the kernel does not define (-want +got):\n%s%+v", diff, rep)
	}
	m, _, err := tr.Memory(t.Context())
	if diff := cmp.Diff(&Pressure{}, m.Pressure); diff != "" || err != nil {
		t.Errorf("memory without a full share (-want +got):\n%s%v", diff, err)
	}
}

func TestPressureThatCannotBeReadIsAbsent(t *testing.T) {
	const good = "some avg10=1.00 avg60=1.00 avg300=1.00 total=1000000"
	for name, tc := range map[string]struct {
		lay     func(*tree)
		want    *Pressure
		reason  Reason
		skipped int
	}{
		"a kernel without it":   {lay: func(*tree) {}},
		"an empty file":         {lay: func(tr *tree) { tr.put("proc/pressure/cpu") }, reason: Empty},
		"an unreadable file":    {lay: func(tr *tree) { tr.block("proc/pressure/cpu") }, reason: Other},
		"a share that is none":  {lay: func(tr *tree) { tr.put("proc/pressure/cpu", "some avg10=NaN avg60=1 avg300=1 total=1") }, reason: Empty, skipped: 1},
		"a share over 100%":     {lay: func(tr *tree) { tr.put("proc/pressure/cpu", "some avg10=101 avg60=1 avg300=1 total=1") }, reason: Empty, skipped: 1},
		"a negative total":      {lay: func(tr *tree) { tr.put("proc/pressure/cpu", "some avg10=1 avg60=1 avg300=1 total=-1") }, reason: Empty, skipped: 1},
		"an average is missing": {lay: func(tr *tree) { tr.put("proc/pressure/cpu", "some avg10=1 avg60=1 avg900=1 total=1") }, reason: Empty, skipped: 1},
		"an odd line beside it": {
			lay:  func(tr *tree) { tr.put("proc/pressure/cpu", "most avg10=1 avg60=1 avg300=1 total=1", good, "full") },
			want: &Pressure{Some: Stall{Percent10s: 1, Percent60s: 1, Percent300s: 1, Seconds: 1}}, skipped: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tc.lay(tr)
			got, rep := tr.CPUPressure(t.Context())
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("pressure (-want +got):\n%s", d)
			}
			if (tc.reason != "") != (len(rep.Files) == 1) || len(rep.Files) == 1 && rep.Files[0].Reason != tc.reason || len(rep.Skipped) != tc.skipped {
				t.Errorf("report %+v, want reason %q and %d lines skipped", rep, tc.reason, tc.skipped)
			}
		})
	}
}
