// Package compare holds the monitor's figures by node_exporter's names
// against node_exporter's own.
package compare

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var (
	monitor = flag.String("monitor", "", "the binary of the monitor")
	theirs  = flag.String("node-exporter", "", "the binary of node_exporter")
	update  = flag.Bool("update", false, "write docs/reference/node-exporter.md again")
)

// interval is the monitor's between two readings.
const interval = 250 * time.Millisecond

// begin starts a program and returns the address that its log names.
func begin(t *testing.T, pattern, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		address := regexp.MustCompile(pattern)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			if m := address.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to end
		_ = write.Close()
		<-drained
	})
	select {
	case address := <-found:
		return address
	case <-time.After(time.Minute):
		t.Fatalf("%s names no address", program)
		return ""
	}
}

type families map[string]*dto.MetricFamily

func scrape(t *testing.T, address, path string) families {
	t.Helper()
	var last error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		got, err := try(t, "http://"+address+path)
		if err == nil && got["node_cpu_seconds_total"] != nil && got["node_uname_info"] != nil {
			return got
		}
		last = err
	}
	t.Fatalf("%s%s: %v", address, path, last)
	return nil
}

func try(t *testing.T, url string) (families, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	got, err := parser.TextToMetricFamilies(resp.Body)
	return got, errors.Join(err, resp.Body.Close())
}

// series returns a family's values by their labels. Empty labels are none.
func series(f *dto.MetricFamily, without ...string) map[string]float64 {
	all := map[string]float64{}
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			if l.GetValue() != "" && !slices.Contains(without, l.GetName()) {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
		}
		slices.Sort(labels)
		v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		all[strings.Join(labels, ",")] = v
	}
	return all
}

// known are differences that there are for a reason.
var known = map[string]string{
	"node_uname_info":                         "The monitor has no label `domainname`.",
	"node_network_up":                         "The same; absent for an interface whose link cannot be looked up.",
	"node_filesystem_free_bytes":              "The same: the size without what is used.",
	"node_filesystem_device_error":            "The label `device_error` has the monitor's word for the reason.",
	"node_cpu_scaling_frequency_hertz":        "The monitor leaves frequencies out where it takes long to read them.",
	"node_network_speed_bytes":                "Absent where the driver does not know it; node_exporter has a negative number there.",
	"node_time_seconds":                       "The time of the scrape.",
	"node_vmstat_pgmajfault":                  "The same. node_exporter has further lines of `/proc/vmstat`.",
	"node_pressure_cpu_waiting_seconds_total": "The same.",
}

// slack is how far apart a figure may be of what the monitor had before and
// after: gauges move between scrapes, and by how much is another thing for each.
func slack(name string, value float64) float64 {
	for _, s := range []struct {
		prefix          string
		share, absolute float64
	}{
		{"node_cpu_seconds_total", 0, 0.25}, // idle and iowait step back and forth
		{"node_cpu_scaling_frequency_hertz", 1, 0},
		{"node_load", 0.1, 0.5},
		{"node_memory_MemTotal_bytes", 0, 0},
		{"node_memory_", 0.1, 32 << 20},
		{"node_filesystem_size_bytes", 0, 0},
		{"node_filesystem_files_free", 0.01, 1000},
		{"node_filesystem_files", 0, 0},
		{"node_filesystem_readonly", 0, 0},
		{"node_filesystem_", 0.02, 32 << 20},
		{"node_disk_io_now", 0, 256},
		{"node_filefd_allocated", 0.2, 500},
		{"node_hwmon_temp_celsius", 0, 15},
		{"node_time_seconds", 0, 0.1},
		{"node_network_", 0, 0},
	} {
		if strings.HasPrefix(name, s.prefix) {
			return s.share*math.Abs(value) + s.absolute
		}
	}
	return 0.02 // what the kernel rounds to
}

func TestGoldenComparison(t *testing.T) {
	if *monitor == "" || *theirs == "" {
		t.Skip("Give -monitor and -node-exporter: nothing was compared.")
	}
	ours := begin(t, `"msg":"listening","address":"([^"]+)"`, *monitor, "--listen=127.0.0.1:0", "--interval="+interval.String(), "--drain-pause=0s")
	node := begin(t, `address=(127\.0\.0\.1:[0-9]+)`, *theirs, "--web.listen-address=127.0.0.1:0")
	// Theirs between two of ours: a counter must lie between.
	before := scrape(t, ours, "/metrics/node")
	time.Sleep(4 * interval)
	reference := scrape(t, node, "/metrics")
	time.Sleep(4 * interval)
	after := scrape(t, ours, "/metrics/node")

	var shared, missing []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if reference[name] == nil {
			missing = append(missing, name)
			continue
		}
		shared = append(shared, name)
		compare(t, name, before[name], reference[name], after[name])
	}
	if len(missing) > 0 {
		t.Errorf("node_exporter has no %s", strings.Join(missing, ", "))
	}
	var theirsOnly []string
	for _, name := range slices.Sorted(maps.Keys(reference)) {
		if strings.HasPrefix(name, "node_") && after[name] == nil {
			theirsOnly = append(theirsOnly, name)
		}
	}
	page(t, shared, theirsOnly)
}

// compare holds one family against node_exporter's.
func compare(t *testing.T, name string, before, reference, after *dto.MetricFamily) {
	t.Helper()
	if before == nil {
		t.Errorf("%s came within the comparison", name)
		return
	}
	if before.GetType() != reference.GetType() {
		t.Errorf("%s is a %s, node_exporter's a %s", name, before.GetType(), reference.GetType())
	}
	var without []string
	if name == "node_uname_info" {
		without = []string{"domainname"}
	}
	first, theirs, last := series(before, without...), series(reference, without...), series(after, without...)
	matched := 0
	for labels, v := range last {
		r, there := theirs[labels]
		f, was := first[labels]
		if !there || !was {
			if name != "node_filesystem_device_error" && !strings.HasPrefix(name, "node_filesystem_") {
				t.Errorf("%s{%s}: node_exporter has no such series, but %v", name, labels, slices.Sorted(maps.Keys(theirs)))
			}
			continue
		}
		matched++
		low, high := math.Min(f, v), math.Max(f, v)
		if s := slack(name, r); r < low-s || r > high+s {
			t.Errorf("%s{%s}: node_exporter has %v between %v and %v", name, labels, r, f, v)
		}
	}
	if matched == 0 {
		t.Errorf("%s: no series of the two is the same: %v and %v", name, slices.Sorted(maps.Keys(last)), slices.Sorted(maps.Keys(theirs)))
	}
}

// page writes, or compares, the page with the differences. It names no figure
// of this machine, and no family that only some machines have.
func page(t *testing.T, shared, theirsOnly []string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(head)
	for _, name := range slices.Sorted(maps.Keys(expected())) {
		note := known[name]
		if note == "" {
			note = "The same."
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, note)
	}
	b.WriteString(tail)
	for _, name := range shared {
		if !expected()[name] {
			t.Errorf("%s is not among what the page lists", name)
		}
	}
	t.Logf("%d families are in both, %d in node_exporter's alone: %s", len(shared), len(theirsOnly), strings.Join(theirsOnly, ", "))
	file := filepath.Join("..", "..", "docs", "reference", "node-exporter.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("%s is another page; run make node-exporter UPDATE=1", file)
	}
}

// expected are the families that docs/metrics/node.prom has, which a test of
// the monitor keeps true.
func expected() map[string]bool {
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics", "node.prom"))
	all := map[string]bool{}
	if err != nil {
		return all
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			all[name] = true
		}
	}
	return all
}

const head = `# node_exporter's names

` + "`/metrics/node`" + ` of the monitor shows figures of the host under the names, labels and units of node_exporter, where the meaning is the same, so that rules and dashboards written for it work. It has the families that node-mixin's rules and dashboards ask for and that the monitor reads; [docs/metrics/node.prom](../metrics/node.prom) is all of it. ` + "`make node-exporter`" + ` runs node_exporter 1.12.1 beside the monitor, compares them family by family (a counter of node_exporter's must lie between two of the monitor's) and writes this page.

| family | difference |
| --- | --- |
`

const tail = `
In all of them:

- Figures are those of the last reading, which is at most ` + "`--interval`" + ` old, not of the moment of the scrape. What cannot be read is absent.
- File systems are those that [the monitor shows](monitor.md#file-systems), of several mounts at one point the one on top; node_exporter shows every mount whose type and path it does not exclude. Disks are whole disks that were used; node_exporter shows partitions beside them.
- ` + "`device_error`" + ` is a label of ` + "`node_filesystem_device_error`" + ` alone; node_exporter has it, empty, with every family of file systems, which is the same to Prometheus.
- ` + "`node_textfile_scrape_error` and `node_textfile_mtime_seconds`" + ` are there with [` + "`--textfile-dir`" + `](monitor.md#textfiles), with what the files have.

What the monitor does not have: everything else, among it ` + "`node_timex_*`, `node_md_*`, `node_systemd_*`, `node_nf_conntrack_*`, voltages and fans of `node_hwmon_*`, and `node_scrape_collector_*`" + `; [monitor_collector_*](../../src/monitor/README.md#metrics) tells how collectors do.
`
