package metrics

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry returns a pedantic registry: it fails a scrape whose metrics do
// not fit what was described.
func registry(t testing.TB, s *sample.Snapshot, names ...sample.Name) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(New(func() *sample.Snapshot { return s }, names)); err != nil {
		t.Fatal(err)
	}
	return reg
}

func TestMetricsFollowTheNamingRules(t *testing.T) {
	problems, err := testutil.GatherAndLint(registry(t, sampletest.Fixture(time.Now()), sample.Names()...))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestOnlyChosenCollectorsHaveMetrics(t *testing.T) {
	prefixes := map[sample.Name][]string{
		sample.CPU:     {"monitor_cpu_", "monitor_load"},
		sample.Memory:  {"monitor_memory_", "monitor_swap_"},
		sample.Disk:    {"monitor_filesystem_", "monitor_disk_"},
		sample.Network: {"monitor_network_"},
	}
	for _, chosen := range sample.Names() {
		t.Run(string(chosen), func(t *testing.T) {
			families, err := registry(t, sampletest.Fixture(time.Now()), chosen).Gather()
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, f := range families {
				if strings.HasPrefix(f.GetName(), "monitor_collector_") {
					continue
				}
				of := false
				for _, prefix := range prefixes[chosen] {
					of = of || strings.HasPrefix(f.GetName(), prefix)
				}
				if !of {
					t.Errorf("%s is not a metric of %s", f.GetName(), chosen)
				}
				found++
			}
			if found == 0 {
				t.Error("no metric at all")
			}
		})
	}
}

func TestBeforeTheFirstReadingThereIsNoSuccessAndNoAge(t *testing.T) {
	s := &sample.Snapshot{Statuses: []sample.Status{{Name: sample.CPU}}}
	want := `
# HELP monitor_collector_failures_total Attempts of the collector that gave no reading.
# TYPE monitor_collector_failures_total counter
monitor_collector_failures_total{collector="cpu"} 0
# HELP monitor_collector_reads_total Attempts that the collector finished.
# TYPE monitor_collector_reads_total counter
monitor_collector_reads_total{collector="cpu"} 0
`
	if err := testutil.GatherAndCompare(registry(t, s, sample.Names()...), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestAnOldReadingSaysHowOldItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sampletest.Fixture(time.Now())
		time.Sleep(90 * time.Second)
		want := `
# HELP monitor_collector_age_seconds Age of the collector's last good reading.
# TYPE monitor_collector_age_seconds gauge
monitor_collector_age_seconds{collector="cpu"} 90
monitor_collector_age_seconds{collector="disk"} 90
monitor_collector_age_seconds{collector="memory"} 90
monitor_collector_age_seconds{collector="network"} 90
# HELP monitor_collector_success Whether the collector's last attempt gave a reading.
# TYPE monitor_collector_success gauge
monitor_collector_success{collector="cpu"} 1
monitor_collector_success{collector="disk"} 1
monitor_collector_success{collector="memory"} 1
monitor_collector_success{collector="network"} 0
`
		err := testutil.GatherAndCompare(registry(t, s, sample.Names()...), strings.NewReader(want),
			"monitor_collector_age_seconds", "monitor_collector_success")
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAMountThatHangsHasNoFiguresButIsDown(t *testing.T) {
	want := `
# HELP monitor_filesystem_size_bytes Size of the file system.
# TYPE monitor_filesystem_size_bytes gauge
monitor_filesystem_size_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 1.073741824e+11
# HELP monitor_filesystem_up Whether the mount answered; without an answer its size and usage are absent.
# TYPE monitor_filesystem_up gauge
monitor_filesystem_up{device="/dev/vda1",fstype="ext4",mountpoint="/"} 1
monitor_filesystem_up{device="nas:/export",fstype="nfs4",mountpoint="/mnt/nas"} 0
`
	err := testutil.GatherAndCompare(registry(t, sampletest.Fixture(time.Now()), sample.Disk), strings.NewReader(want),
		"monitor_filesystem_size_bytes", "monitor_filesystem_up")
	if err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeReadIsNamedAndHasNoFigures(t *testing.T) {
	want := `
# HELP monitor_collector_unreadable A file or mount point whose figures are absent, and why; always 1.
# TYPE monitor_collector_unreadable gauge
monitor_collector_unreadable{collector="disk",path="/home",reason="not_visible"} 1
monitor_collector_unreadable{collector="disk",path="/mnt/nas",reason="hangs"} 1
# HELP monitor_filesystem_counted 1 for one mount of each file system and 0 for further ones, so that sums count nothing twice.
# TYPE monitor_filesystem_counted gauge
monitor_filesystem_counted{device="/dev/vda1",fstype="ext4",mountpoint="/"} 1
monitor_filesystem_counted{device="/dev/vda1",fstype="ext4",mountpoint="/home"} 0
monitor_filesystem_counted{device="nas:/export",fstype="nfs4",mountpoint="/mnt/nas"} 1
`
	err := testutil.GatherAndCompare(registry(t, sampletest.Fixture(time.Now()), sample.Disk), strings.NewReader(want),
		"monitor_collector_unreadable", "monitor_filesystem_counted")
	if err != nil {
		t.Error(err)
	}
}

func TestWithoutAFigureThereIsNoSeries(t *testing.T) {
	s := &sample.Snapshot{
		CPU:      &sample.CPUReading{Cores: []sample.CoreReading{{ID: "0"}}},
		Memory:   &host.Memory{TotalBytes: 1},
		Disk:     &host.Disk{},
		Statuses: []sample.Status{{Name: sample.CPU, Successes: 1}, {Name: sample.Memory, Failures: 1, Err: errors.New("none"), Unsupported: true}},
	}
	families, err := registry(t, s, sample.Names()...).Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, f := range families {
		got[f.GetName()] = len(f.GetMetric())
	}
	want := map[string]int{
		"monitor_cpu_cores": 1, "monitor_memory_size_bytes": 1,
		"monitor_collector_duration_seconds": 2, "monitor_collector_failures_total": 2, "monitor_collector_lines_skipped_total": 2,
		"monitor_collector_reads_total": 2, "monitor_collector_supported": 2, "monitor_collector_success": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("families (-want +got):\n%s", d)
	}
}

func BenchmarkGather(b *testing.B) {
	reg := registry(b, sampletest.Fixture(time.Now()), sample.Names()...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := reg.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
