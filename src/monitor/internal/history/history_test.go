package history

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func began() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func history(t testing.TB, interval time.Duration, memory int) *History {
	t.Helper()
	h, err := New(Config{Collectors: sample.Names(), Interval: interval, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// used is a snapshot with a memory reading only.
func used(at time.Time, percent float64) *sample.Snapshot {
	return &sample.Snapshot{
		Memory:   &host.Memory{TotalBytes: 1, UsedPercent: &percent},
		Statuses: []sample.Status{{Name: sample.Memory, SampledAt: at}},
	}
}

func points(t *testing.T, h *History, ref string) Points {
	t.Helper()
	p, ok := h.Range(ParseRef(ref), began().Add(-24*time.Hour), began().Add(24*time.Hour))
	if !ok {
		t.Fatalf("there is no series %s, but %v", ref, h.Contents().Series)
	}
	return p
}

func TestSamplesAreKeptForTenMinutesAndMeansForTwoHours(t *testing.T) {
	h := history(t, time.Second, 1<<20)
	const seconds = 3 * 60 * 60
	for i := range seconds {
		h.Record(used(began().Add(time.Duration(i)*time.Second), float64(i)))
	}
	p := points(t, h, "memory.used_percent")
	if n := len(p.Samples); n != 601 {
		t.Errorf("%d samples, want 601 in ten minutes", n)
	}
	for i, s := range p.Samples {
		if want := seconds - len(p.Samples) + i; s.Value != float32(want) || s.At != began().Add(time.Duration(want)*time.Second).UnixMilli() {
			t.Fatalf("sample %d: %+v, want %d", i, s, want)
		}
	}
	if n := len(p.Buckets); n != 720-1 { // the newest is not over yet
		t.Errorf("%d means, want 719", n)
	}
	for i, b := range p.Buckets {
		first := float32(seconds - 10*(len(p.Buckets)+1-i))
		want := Bucket{From: began().Add(time.Duration(first) * time.Second).UnixMilli(), Mean: first + 4.5, Min: first, Max: first + 9}
		if b != want {
			t.Fatalf("mean %d: %+v, want %+v", i, b, want)
		}
	}
	part, _ := h.Range(ParseRef("memory.used_percent"), began().Add((seconds-20)*time.Second), began().Add((seconds-10)*time.Second))
	if len(part.Samples) != 11 || len(part.Buckets) != 1 {
		t.Errorf("ten seconds: %d samples, %d means", len(part.Samples), len(part.Buckets))
	}
}

func TestAMomentWithoutAFigureHasNoPoint(t *testing.T) {
	h := history(t, time.Second, 1<<20)
	for i := range 40 {
		s := used(began().Add(time.Duration(i)*time.Second), float64(i))
		if i >= 10 && i < 25 {
			s.Memory.UsedPercent = nil
		}
		h.Record(s)
		h.Record(s) // the same reading, in the snapshot of another collector
	}
	p := points(t, h, "memory.used_percent")
	if len(p.Samples) != 25 || p.Samples[9].Value != 9 || p.Samples[10].Value != 25 {
		t.Errorf("samples %v", p.Samples)
	}
	want := []Bucket{
		{From: began().UnixMilli(), Mean: 4.5, Min: 0, Max: 9},
		{From: began().Add(20 * time.Second).UnixMilli(), Mean: 27, Min: 25, Max: 29},
	}
	if d := cmp.Diff(want, p.Buckets); d != "" {
		t.Errorf("means (-want +got):\n%s", d)
	}
}

func TestAClockThatGoesBackLosesNothingOfLater(t *testing.T) {
	h := history(t, time.Second, 1<<20)
	for i := range 30 {
		at := began().Add(time.Duration(i) * time.Second)
		if i >= 15 {
			at = at.Add(-time.Hour)
		}
		h.Record(used(at, float64(i)))
	}
	p := points(t, h, "memory.used_percent")
	if last := p.Samples[len(p.Samples)-1]; last.Value != 29 || len(p.Samples) != 30 || len(p.Buckets) < 3 {
		t.Errorf("points %+v", p)
	}
}

// traffic is a snapshot of interfaces that received so much.
func traffic(at time.Time, received map[string]uint64) *sample.Snapshot {
	s := &sample.Snapshot{Network: &host.Network{}, Statuses: []sample.Status{{Name: sample.Network, SampledAt: at}}}
	for name, n := range received {
		s.Network.Interfaces = append(s.Network.Interfaces, host.Interface{Name: name, Receive: host.Traffic{Bytes: n}})
	}
	return s
}

func TestRatesAreOverTheTimeBetweenTwoReadings(t *testing.T) {
	h := history(t, time.Second, 1<<20)
	h.Record(traffic(began(), map[string]uint64{"eth0": 1000, "lo": 5}))
	h.Record(traffic(began().Add(2*time.Second), map[string]uint64{"eth0": 3000, "lo": 1005, "eth1": 7}))
	h.Record(traffic(began().Add(4*time.Second), map[string]uint64{"eth0": 10, "lo": 1005, "eth1": 107})) // eth0 was reset
	h.Record(traffic(began().Add(5*time.Second), map[string]uint64{"eth0": 110, "lo": 1005, "eth1": 107}))
	got := make(map[string][]float32)
	for _, ref := range []string{"", ":eth0", ":eth1", ":lo"} {
		for _, s := range points(t, h, "network.received_bytes_per_second"+ref).Samples {
			got[ref] = append(got[ref], s.Value)
		}
	}
	want := map[string][]float32{"": {1000, 50, 100}, ":eth0": {1000, 100}, ":eth1": {50, 0}, ":lo": {500, 0, 0}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rates (-want +got):\n%s", d)
	}
}

func TestEveryCollectorHasSeries(t *testing.T) {
	h := history(t, time.Second, 8<<20)
	h.Record(sampletest.Fixture(began()))
	h.Record(sampletest.Fixture(began().Add(time.Second)))
	var got []string
	for _, ref := range h.Contents().Series {
		got = append(got, ref.String())
	}
	want := []string{
		"cgroup.cpu_limit_used_percent", "cgroup.memory_limit_used_percent", "cgroup.memory_limit_working_set_percent", "cgroup.memory_usage_bytes", "cgroup.used_cores",
		"cpu.busy_percent", "cpu.load1", "cpu.pressure_percent", "disk.pressure_percent", "disk.read_bytes_per_second", "disk.written_bytes_per_second",
		"memory.pressure_percent", "memory.swap_used_percent", "memory.used_bytes", "memory.used_percent",
		"network.received_bytes_per_second", "network.sent_bytes_per_second", "system.file_handles",
		"cpu.busy_percent:0", "disk.read_bytes_per_second:vda", "disk.used_percent:/", "disk.written_bytes_per_second:vda",
		"network.received_bytes_per_second:eth0", "network.sent_bytes_per_second:eth0",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("series (-want +got):\n%s", d)
	}
}

// many is a snapshot with that many mounts, whose numbers begin at first.
func many(at time.Time, first, n int) *sample.Snapshot {
	s := sampletest.Fixture(at)
	s.Disk.Filesystems = nil
	for i := range n {
		s.Disk.Filesystems = append(s.Disk.Filesystems, host.Filesystem{
			Mountpoint: fmt.Sprintf("/mnt/%05d", first+n-1-i), Usage: &host.FilesystemUsage{UsedPercent: float64(i)},
		})
	}
	return s
}

func TestTotalsComeFirstThenItemsByNameAndTheRestIsNamed(t *testing.T) {
	const memory = 1 << 20
	h := history(t, time.Second, memory)
	// Names that come later are there first.
	for i, first := range []int{5000, 0, 0} {
		h.Record(many(began().Add(time.Duration(i)*time.Second), first, 2000))
	}
	c := h.Contents()
	if c.UsedBytes > memory || c.Memory != memory {
		t.Errorf("%d of %d bytes are used", c.UsedBytes, c.Memory)
	}
	var totals, mounts int
	for _, ref := range c.Series {
		switch {
		case ref.Item == "":
			totals++
		case ref.Name == "disk.used_percent":
			if want := fmt.Sprintf("/mnt/%05d", mounts); ref.Item != want {
				t.Fatalf("kept is %s, want %s", ref.Item, want)
			}
			mounts++
		}
	}
	if totals != 18 || mounts < 20 {
		t.Errorf("%d totals and %d mounts are kept", totals, mounts)
	}
	if got := len(c.Series) + len(c.LeftOut); got < 2000+18 || !slices.IsSortedFunc(c.LeftOut, Ref.compare) || c.LeftOut[0].Item != fmt.Sprintf("/mnt/%05d", mounts) {
		t.Errorf("%d series, of which left out: %d, from %v on", got, len(c.LeftOut), c.LeftOut[0])
	}
	for _, ref := range c.LeftOut {
		if _, ok := h.Range(ref, began(), began().Add(time.Hour)); ok {
			t.Fatalf("%s is left out, and there", ref)
		}
	}
}

func TestWhatIsGoneIsForgottenWhenItsLastMeanIs(t *testing.T) {
	h := history(t, 10*time.Second, 1<<20)
	ref := ParseRef("network.received_bytes_per_second:veth0")
	for i := range 2 {
		h.Record(traffic(began().Add(time.Duration(i)*10*time.Second), map[string]uint64{"veth0": uint64(i)}))
	}
	before := h.Contents().UsedBytes
	for i := 2; i < 721; i++ {
		h.Record(traffic(began().Add(time.Duration(i)*10*time.Second), nil))
	}
	if p, ok := h.Range(ref, began(), began().Add(24*time.Hour)); !ok || len(p.Buckets) != 1 {
		t.Errorf("within two hours: %v, %v", p, ok)
	}
	for i := 721; i < 725; i++ {
		h.Record(traffic(began().Add(time.Duration(i)*10*time.Second), nil))
	}
	if _, ok := h.Range(ref, began(), began().Add(24*time.Hour)); ok || h.Contents().UsedBytes >= before || len(h.items) != 0 {
		t.Errorf("after two hours it is still there, with %d bytes", h.Contents().UsedBytes)
	}
}

func TestMemoryIsFlatOnceTheRingsAreThere(t *testing.T) {
	h := history(t, time.Second, 8<<20)
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	base := heap()
	at, s := began(), many(began(), 0, 700)
	run := func(n int) {
		for range n {
			for i := range s.Statuses {
				s.Statuses[i].SampledAt = at
			}
			h.Record(s)
			at = at.Add(time.Second)
		}
	}
	run(20)
	full := heap() - base
	run(700) // a turn of the samples' rings
	if now := heap() - base; math.Abs(now-full) > 0.02*full {
		t.Errorf("%.0f bytes after 20 samples, %.0f after 720", full, now)
	}
	if used := float64(h.Contents().UsedBytes); full > 1.15*used || full > 1.1*(8<<20) {
		t.Errorf("%.0f bytes on the heap, %.0f counted", full, used)
	}
}

func TestReadersAndTheWriterGoTogether(t *testing.T) {
	h := history(t, time.Second, 1<<20)
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					h.Contents()
					h.Range(ParseRef("cpu.load1"), began(), began().Add(time.Hour))
				}
			}
		})
	}
	for i := range 200 {
		h.Record(sampletest.Fixture(began().Add(time.Duration(i) * time.Second)))
	}
	close(done)
	readers.Wait()
}

func TestAHistoryWithoutRoomIsRefused(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no interval":            {Memory: 1 << 20},
		"no memory":              {Interval: time.Second},
		"not even for the times": {Interval: time.Second, Memory: 1 << 10, Collectors: sample.Names()},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	n := MinMemory(len(sample.Names()), time.Second)
	if _, err := New(Config{Interval: time.Second, Memory: n, Collectors: sample.Names()}); err != nil {
		t.Errorf("the least memory of %d bytes: %v", n, err)
	}
	if _, err := New(Config{Interval: time.Second, Memory: n - 1, Collectors: sample.Names()}); err == nil {
		t.Errorf("less than the least memory of %d bytes is taken", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	h := history(b, time.Second, 8<<20)
	at := began()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		h.Record(many(at, 0, 20))
	}
}
