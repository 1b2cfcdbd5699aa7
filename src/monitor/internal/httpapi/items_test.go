package httpapi

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

// dataOf decodes a reading's data, and returns it.
func dataOf[T any](t *testing.T, f *fixture, path string) T {
	t.Helper()
	rec := f.do(t, "GET", path)
	if rec.Code != 200 {
		t.Fatalf("%s: status %d: %s", path, rec.Code, rec.Body)
	}
	var got struct {
		Reading
		Data T `json:"data"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if rec.Header().Get("Age") == "" || got.SampledAt.IsZero() {
		t.Errorf("%s: no age: %s", path, rec.Body)
	}
	return got.Data
}

func TestOneItemHasTheFormOfTheWhole(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	s := f.snapshot.Load()
	odd := "/mnt/a b&c=d%/é\\xff"
	s.Disk.Filesystems[2].Mountpoint = odd

	if d := cmp.Diff(s.CPU.Cores[1:], dataOf[sample.CPUReading](t, f, "/api/v1/cpu?cpu=3").Cores); d != "" {
		t.Errorf("cpu (-want +got):\n%s", d)
	}
	if d := cmp.Diff(*s.Network, dataOf[host.Network](t, f, "/api/v1/network?interface=eth0")); d != "" {
		t.Errorf("interface (-want +got):\n%s", d)
	}
	for query, want := range map[string]host.Disk{
		"mountpoint=%2Fhome":                 {Filesystems: s.Disk.Filesystems[1:2], Devices: []host.BlockDevice{}},
		"mountpoint=" + url.QueryEscape(odd): {Filesystems: s.Disk.Filesystems[2:3], Devices: []host.BlockDevice{}},
		"device=vda":                         {Filesystems: []host.Filesystem{}, Devices: s.Disk.Devices},
		"device=%2Fdev%2Fvda1":               {Filesystems: s.Disk.Filesystems[:2], Devices: []host.BlockDevice{}},
	} {
		want.Pressure = s.Disk.Pressure
		if d := cmp.Diff(want, dataOf[host.Disk](t, f, "/api/v1/disk?"+query)); d != "" {
			t.Errorf("%s (-want +got):\n%s", query, d)
		}
	}
	if all := dataOf[host.Disk](t, f, "/api/v1/disk"); len(all.Filesystems) != 3 {
		t.Errorf("an item changed the whole: %+v", all)
	}
}

func TestAQuestionThatIsWrongIsAProblemWithTheParametersName(t *testing.T) {
	for name, tc := range map[string]struct {
		path      string
		status    int
		parameter string
		detail    string
	}{
		"a slip of the pen":          {"/api/v1/disk?mount=/", 400, "mount", "device, mountpoint"},
		"a route without parameters": {"/api/v1/memory?cpu=0", 400, "cpu", "takes none"},
		"the index":                  {"/api/v1?x=1", 400, "x", "takes none"},
		"the snapshot":               {"/api/v1/snapshot?x=1", 400, "x", "it takes peers"},
		"one parameter twice":        {"/api/v1/cpu?cpu=0&cpu=3", 400, "cpu", "more than once"},
		"an empty one":               {"/api/v1/cpu?cpu=", 400, "cpu", "empty"},
		"two items":                  {"/api/v1/disk?device=vda&mountpoint=/", 400, "", "one parameter"},
		"no such processor":          {"/api/v1/cpu?cpu=7", 404, "cpu", `no cpu "7"`},
		"no such mount point":        {"/api/v1/disk?mountpoint=/nope", 404, "mountpoint", "/api/v1/disk lists"},
		"no such device":             {"/api/v1/disk?device=sdz", 404, "device", "sdz"},
		"no such interface":          {"/api/v1/network?interface=eth9", 404, "interface", "eth9"},
		"an escape that is none":     {"/api/v1/cpu?cpu=%zz", 400, "", "cannot be read"},
		"an endless query":           {"/api/v1/cpu?cpu=" + strings.Repeat("0", maxQuery), 414, "", "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newFixture(t, sample.Names()...).do(t, "GET", tc.path)
			var p Problem
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if p.Parameter != tc.parameter || p.Type != "about:blank" {
				t.Errorf("problem %+v, want parameter %q", p, tc.parameter)
			}
			wantProblem(t, rec, tc.status, tc.detail)
		})
	}
}

func TestWithoutAReadingNoItemIsLookedFor(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	f.snapshot.Store(&sample.Snapshot{Statuses: []sample.Status{{Name: sample.CPU}, {Name: sample.Disk}, {Name: sample.Network}}})
	for _, path := range []string{"/api/v1/cpu?cpu=0", "/api/v1/disk?device=vda", "/api/v1/disk?mountpoint=/", "/api/v1/network?interface=lo"} {
		wantProblem(t, f.do(t, "GET", path), 503, "no ")
	}
}

func TestTheSnapshotIsAllReadingsAtOnce(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	rec := f.do(t, "GET", "/api/v1/snapshot")
	var got struct {
		Readings map[sample.Name]json.RawMessage
		Missing  []MissingReading
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	if len(got.Readings) != len(sample.Names()) || got.Missing != nil {
		t.Fatalf("readings %d, missing %v", len(got.Readings), got.Missing)
	}
	for name, reading := range got.Readings {
		if d := cmp.Diff(f.do(t, "GET", route(name)).Body.String(), string(reading)); d != "" {
			t.Errorf("%s is another one in the snapshot (-own +snapshot):\n%s", name, d)
		}
	}
	decode[Snapshot](t, rec) // strictly

	next := sampletest.Fixture(time.Now())
	next.Statuses[1] = sample.Status{Name: sample.Memory, Failures: 1, Err: host.ErrUnsupported, Unsupported: true}
	f.snapshot.Store(next)
	part := decode[Snapshot](t, f.do(t, "GET", "/api/v1/snapshot"))
	if _, there := part.Readings[sample.Memory]; there || len(part.Readings) != len(sample.Names())-1 {
		t.Errorf("readings %v", part.Readings)
	}
	want := []MissingReading{{Collector: sample.Memory, State: sample.Unsupported, Error: host.ErrUnsupported.Error()}}
	if d := cmp.Diff(want, part.Missing); d != "" {
		t.Errorf("missing (-want +got):\n%s", d)
	}

	f.snapshot.Store(&sample.Snapshot{Statuses: []sample.Status{{Name: sample.Memory}}})
	wantProblem(t, f.do(t, "GET", "/api/v1/snapshot"), 503, "no collector")
}
