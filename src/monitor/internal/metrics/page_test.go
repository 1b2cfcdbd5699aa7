package metrics

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page returns the page of a snapshot that tests can replace.
func page(t testing.TB, s *sample.Snapshot, names ...sample.Name) (*Page, *atomic.Pointer[sample.Snapshot]) {
	t.Helper()
	var newest atomic.Pointer[sample.Snapshot]
	newest.Store(s)
	log := slog.New(slog.DiscardHandler)
	runtime, err := NewRuntime(time.Second, log)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Snapshot: newest.Load, Collectors: names, Registry: prometheus.NewRegistry(), Runtime: runtime, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	return p, &newest
}

func scrape(t testing.TB, p *Page, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	return rec
}

// wantSeries compares the named families, as text.
func wantSeries(t *testing.T, p *Page, want string, families ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(scrape(t, p).Body.String()) {
		for _, f := range families {
			if name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), " "); name == f || strings.HasPrefix(name, f+"{") {
				got = append(got, line)
			}
		}
	}
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.Join(got, "")); d != "" {
		t.Errorf("series (-want +got):\n%s", d)
	}
}

func parse(t *testing.T, body string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("the text is none: %v\n%s", err, body)
	}
	return families
}

func TestMetricsFollowTheNamingRules(t *testing.T) {
	p, _ := page(t, sampletest.Fixture(time.Now()), sample.Names()...)
	problems, err := promlint.New(scrape(t, p).Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestOnlyChosenCollectorsHaveMetrics(t *testing.T) {
	prefixes := map[sample.Name][]string{
		sample.CPU:     {"monitor_cpu_", "monitor_load"},
		sample.Memory:  {"monitor_memory_", "monitor_swap_"},
		sample.Disk:    {"monitor_filesystem_", "monitor_disk_"},
		sample.Network: {"monitor_network_"},
		sample.Cgroup:  {"monitor_cgroup_"},
		sample.System:  {"monitor_boot_time_", "monitor_uname_", "monitor_file_handles", "monitor_temperature_"},
	}
	for _, chosen := range sample.Names() {
		t.Run(string(chosen), func(t *testing.T) {
			p, _ := page(t, sampletest.Fixture(time.Now()), chosen)
			found := 0
			for name := range parse(t, scrape(t, p).Body.String()) {
				if strings.HasPrefix(name, "monitor_collector_") || strings.HasPrefix(name, "promhttp_") {
					continue
				}
				of := false
				for _, prefix := range prefixes[chosen] {
					of = of || strings.HasPrefix(name, prefix)
				}
				if !of {
					t.Errorf("%s is not a metric of %s", name, chosen)
				}
				found++
			}
			if none := len(prefixes[chosen]) == 0; none != (found == 0) {
				t.Errorf("%d metrics", found)
			}
		})
	}
}

func TestBeforeTheFirstReadingThereIsNoSuccessAndNoAge(t *testing.T) {
	p, _ := page(t, &sample.Snapshot{Statuses: []sample.Status{{Name: sample.CPU}}}, sample.Names()...)
	wantSeries(t, p, `
# HELP monitor_collector_reads_total Attempts that the collector finished.
# TYPE monitor_collector_reads_total counter
monitor_collector_reads_total{collector="cpu"} 0
# HELP monitor_collector_failures_total Attempts of the collector that gave no reading.
# TYPE monitor_collector_failures_total counter
monitor_collector_failures_total{collector="cpu"} 0
`, "monitor_collector_reads_total", "monitor_collector_failures_total", "monitor_collector_success", "monitor_collector_age_seconds", "monitor_collector_supported")
}

func TestAnOldReadingSaysHowOldItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := page(t, sampletest.Fixture(time.Now()), sample.Names()...)
		scrape(t, p) // what is rendered for it must not stand still
		time.Sleep(90 * time.Second)
		wantSeries(t, p, `
# HELP monitor_collector_success Whether the collector's last attempt gave a reading.
# TYPE monitor_collector_success gauge
monitor_collector_success{collector="cpu"} 1
monitor_collector_success{collector="memory"} 1
monitor_collector_success{collector="disk"} 1
monitor_collector_success{collector="network"} 0
monitor_collector_success{collector="cgroup"} 1
monitor_collector_success{collector="system"} 1
monitor_collector_success{collector="processes"} 1
# HELP monitor_collector_age_seconds Age of the collector's last good reading.
# TYPE monitor_collector_age_seconds gauge
monitor_collector_age_seconds{collector="cpu"} 90
monitor_collector_age_seconds{collector="memory"} 90
monitor_collector_age_seconds{collector="disk"} 90
monitor_collector_age_seconds{collector="network"} 90
monitor_collector_age_seconds{collector="cgroup"} 90
monitor_collector_age_seconds{collector="system"} 90
monitor_collector_age_seconds{collector="processes"} 90
`, "monitor_collector_success", "monitor_collector_age_seconds")
	})
}

func TestAMountWithoutFiguresIsNamedAndDown(t *testing.T) {
	p, _ := page(t, sampletest.Fixture(time.Now()), sample.Disk)
	wantSeries(t, p, `
# HELP monitor_collector_unreadable A file or mount point whose figures are absent, and why; always 1.
# TYPE monitor_collector_unreadable gauge
monitor_collector_unreadable{collector="disk",path="/home",reason="not_visible"} 1
monitor_collector_unreadable{collector="disk",path="/mnt/nas",reason="hangs"} 1
# HELP monitor_filesystem_counted 1 for one mount of each file system and 0 for further ones, so that sums count nothing twice.
# TYPE monitor_filesystem_counted gauge
monitor_filesystem_counted{device="/dev/vda1",fstype="ext4",mountpoint="/"} 1
monitor_filesystem_counted{device="/dev/vda1",fstype="ext4",mountpoint="/home"} 0
monitor_filesystem_counted{device="nas:/export",fstype="nfs4",mountpoint="/mnt/nas"} 1
# HELP monitor_filesystem_up Whether the mount answered; without an answer its size and usage are absent.
# TYPE monitor_filesystem_up gauge
monitor_filesystem_up{device="/dev/vda1",fstype="ext4",mountpoint="/"} 1
monitor_filesystem_up{device="nas:/export",fstype="nfs4",mountpoint="/mnt/nas"} 0
# HELP monitor_filesystem_size_bytes Size of the file system.
# TYPE monitor_filesystem_size_bytes gauge
monitor_filesystem_size_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 1.073741824e+11
`, "monitor_collector_unreadable", "monitor_filesystem_counted", "monitor_filesystem_size_bytes", "monitor_filesystem_up")
}

func TestWithoutAFigureThereIsNoSeries(t *testing.T) {
	p, _ := page(t, &sample.Snapshot{
		CPU:      &sample.CPUReading{Cores: []sample.CoreReading{{ID: "0"}}},
		Memory:   &host.Memory{TotalBytes: 1},
		Disk:     &host.Disk{},
		Statuses: []sample.Status{{Name: sample.CPU, Successes: 1}, {Name: sample.Memory, Failures: 1, Err: errors.New("none"), Unsupported: true}},
	}, sample.Names()...)
	got := make(map[string]int)
	for name, f := range parse(t, scrape(t, p).Body.String()) {
		got[name] = len(f.GetMetric())
	}
	want := map[string]int{
		"monitor_cpu_cores": 1, "monitor_memory_size_bytes": 1, "promhttp_metric_handler_errors_total": 2,
		"monitor_collector_duration_seconds": 2, "monitor_collector_failures_total": 2, "monitor_collector_lines_skipped_total": 2,
		"monitor_collector_reads_total": 2, "monitor_collector_supported": 2, "monitor_collector_success": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("families (-want +got):\n%s", d)
	}
}

func TestEveryNameSurvivesItsEscapes(t *testing.T) {
	s := sampletest.Fixture(time.Now())
	odd := "a \"b\" \\ c\nd 'e' {,} \\xff é"
	s.Disk.Filesystems[0].Mountpoint = odd
	p, _ := page(t, s, sample.Disk)
	for _, m := range parse(t, scrape(t, p).Body.String())["monitor_filesystem_size_bytes"].GetMetric() {
		if got := m.GetLabel()[2].GetValue(); got != odd {
			t.Errorf("got %q, want %q", got, odd)
		}
	}
}

func TestOpenMetricsIsReadByPrometheusAndSaysTheSame(t *testing.T) {
	p, _ := page(t, sampletest.Fixture(time.Now()), sample.Names()...)
	if err := p.cfg.Runtime.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	plain := make(map[string]float64)
	for name, f := range parse(t, scrape(t, p).Body.String()) {
		if strings.HasPrefix(name, "monitor_") && !strings.Contains(name, "age_seconds") {
			for _, m := range f.GetMetric() {
				plain[name] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	rec := scrape(t, p, "Accept", "application/openmetrics-text;version=1.0.0")
	if got := rec.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0") {
		t.Errorf("content type %q", got)
	}
	if !strings.HasSuffix(rec.Body.String(), "\n# EOF\n") || strings.Count(rec.Body.String(), "# EOF") != 1 {
		t.Error("the end is missing, or there are two")
	}
	got := make(map[string]float64)
	parser := textparse.NewOpenMetricsParser(rec.Body.Bytes(), labels.NewSymbolTable())
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("Prometheus does not read it: %v", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		parser.Labels(&l)
		_, _, v := parser.Series()
		if name := l.Get("__name__"); strings.HasPrefix(name, "monitor_") && !strings.Contains(name, "age_seconds") {
			got[name] += v
		}
	}
	if d := cmp.Diff(plain, got); d != "" {
		t.Errorf("sums by family (-text +OpenMetrics):\n%s", d)
	}
}

func TestGzipIsOneMemberOfTheSameText(t *testing.T) {
	s := sampletest.Fixture(time.Now())
	for i := range 3000 { // over 64 KiB, which one stored block cannot hold
		f := s.Disk.Filesystems[0]
		f.Mountpoint = "/" + strings.Repeat("m", i%97) + time.Duration(i).String()
		s.Disk.Filesystems = append(s.Disk.Filesystems, f)
	}
	synctest.Test(t, func(t *testing.T) {
		p, _ := page(t, s, sample.Names()...)
		if err := p.cfg.Runtime.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		wide := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wide", Help: "Much."}, []string{"x"})
		for i := range 3000 {
			wide.WithLabelValues(strings.Repeat("x", i%50) + time.Duration(i).String()).Set(1)
		}
		p.cfg.Registry.MustRegister(wide)
		want := scrape(t, p).Body.String()
		for range 2 {
			rec := scrape(t, p, "Accept-Encoding", "br, gzip;q=0.5")
			body := rec.Body.Bytes()
			if rec.Header().Get("Content-Encoding") != "gzip" || len(body) > len(want) {
				t.Errorf("headers %v, %d bytes of %d", rec.Header(), len(body), len(want))
			}
			in := bytes.NewReader(body)
			z, err := gzip.NewReader(in)
			if err != nil {
				t.Fatal(err)
			}
			z.Multistream(false)
			got, err := io.ReadAll(z)
			if err != nil || in.Len() != 0 {
				t.Fatalf("%v, %d bytes behind the member", err, in.Len())
			}
			if d := cmp.Diff(want, string(got)); d != "" {
				t.Errorf("text (-plain +gzip):\n%s", d)
			}
		}
		for _, refused := range []string{"", "br", "gzip;q=0", "gzip; q=0.0"} {
			if rec := scrape(t, p, "Accept-Encoding", refused); rec.Header().Get("Content-Encoding") != "" {
				t.Errorf("Accept-Encoding %q was answered with gzip", refused)
			}
		}
	})
}

func TestASnapshotIsRenderedOnceForAllScrapesAndOnlyAsAskedFor(t *testing.T) {
	p, newest := page(t, sampletest.Fixture(time.Now()), sample.Names()...)
	scrape(t, p)
	first := p.latest[text].Load()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { scrape(t, p) })
	}
	all.Wait()
	if p.latest[text].Load() != first || p.latest[openMetrics].Load() != nil || first.deflated != nil {
		t.Error("the same snapshot was rendered again, or in a form that nobody asked for")
	}
	next := sampletest.Fixture(time.Now())
	next.Memory.TotalBytes = 42
	newest.Store(next)
	if body := scrape(t, p).Body.String(); !strings.Contains(body, "\nmonitor_memory_size_bytes 42\n") {
		t.Error("the next snapshot is not shown")
	}
}

func TestAProcfsThatHangsKeepsTheLastFiguresAndNoScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := page(t, sampletest.Fixture(time.Now()), sample.CPU)
		r := p.cfg.Runtime
		good := r.gather
		var reads atomic.Int32
		mended := make(chan struct{})
		r.gather = func() ([]*dto.MetricFamily, error) {
			if reads.Add(1) > 1 {
				<-mended
			}
			return good()
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.Run(ctx, 5*time.Second); close(ended) }()
		synctest.Wait()
		time.Sleep(time.Minute)
		began := time.Now()
		body := scrape(t, p).Body.String()
		if !strings.Contains(body, "\ngo_goroutines ") || !strings.Contains(body, "\nmonitor_runtime_age_seconds 60\n") {
			t.Errorf("while it hangs:\n%s", body)
		}
		if took := time.Since(began); took != 0 || reads.Load() != 2 {
			t.Errorf("the scrape took %s, there were %d reads, want none and two", took, reads.Load())
		}
		close(mended)
		synctest.Wait()
		if body := scrape(t, p).Body.String(); !strings.Contains(body, "\nmonitor_runtime_age_seconds 0\n") {
			t.Error("a late reading is still a good one")
		}
		cancel()
		<-ended
	})
}

func FuzzLabelsAndFloats(f *testing.F) {
	f.Add("a\"b\\c\nd", 1.5)
	f.Add("", 0.0)
	f.Fuzz(func(t *testing.T, label string, value float64) {
		label = strings.ToValidUTF8(label, "?")
		fam := gauge("x", "Help \\ with\nlines.", "l")
		w := newWriter(text)
		fam.send(w, value, label)
		m := parse(t, string(w.bytes()))["monitor_x"].GetMetric()[0]
		if got := m.GetLabel()[0].GetValue(); got != label {
			t.Errorf("label %q became %q", label, got)
		}
		if got := m.GetGauge().GetValue(); got != value && !math.IsNaN(value) {
			t.Errorf("value %v became %v", value, got)
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	for name, fresh := range map[string]bool{"the same snapshot": false, "a new snapshot": true} {
		b.Run(name, func(b *testing.B) {
			p, newest := page(b, sampletest.Fixture(time.Now()), sample.Names()...)
			if err := p.cfg.Runtime.read(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if fresh {
					s := *newest.Load()
					newest.Store(&s)
				}
				scrape(b, p)
			}
		})
	}
}
