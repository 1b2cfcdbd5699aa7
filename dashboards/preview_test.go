package main

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/preview"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// serving is a Prometheus with a history, whose URL is returned.
func serving(t testing.TB, history []prom.Series) string {
	t.Helper()
	s, err := promserver.Open(promserver.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", History: history})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL()
}

// pageOf is the preview of a world in which the repository's rules are evaluated.
func pageOf(t *testing.T, w world) (page []byte, summary preview.Summary) {
	t.Helper()
	var b bytes.Buffer
	ask(t, w, programs(), nil, func(t *testing.T, c *prom.Client, _ answers) {
		var err error
		cfg := preview.Config{Source: c, Name: "a " + string(w) + " world", Now: time.Now(), From: "now-2h", Scrape: interval}
		if summary, err = preview.Write(t.Context(), &b, generated(t), cfg); err != nil {
			t.Error(err)
		}
	})
	return b.Bytes(), summary
}

func nothingSet(string) string { return "" }

func TestThePreviewDrawsEveryDashboard(t *testing.T) {
	for _, w := range []world{worldHealthy, worldBroken} {
		page, s := pageOf(t, w)
		t.Logf("%s: %d panels, %d of them empty, %d kB", w, s.Panels, s.Empty, len(page)/1000)
		for _, f := range s.Failures {
			t.Errorf("%s: %s", w, f)
		}
		// Chaos has no runs, and no alert fires, in the healthy world.
		if most := s.Panels / 4; s.Panels == 0 || s.Empty > most {
			t.Errorf("%s: %d of %d panels are empty, at most %d", w, s.Empty, s.Panels, most)
		}
		for _, d := range generated(t) {
			if !bytes.Contains(page, []byte(`<section class="board" id="`+d.UID+`">`)) {
				t.Errorf("%s: %s is not in the page", w, d.Title)
			}
			for _, p := range d.Panels {
				if title := html.EscapeString(p.Title); p.Repeat == "" && !bytes.Contains(page, []byte(">"+title+"</h")) {
					t.Errorf("%s: %s is not in the page", w, d.Key(p))
				}
			}
		}
		t.Run("by everybody", func(t *testing.T) { read(t, page) })
		if w == worldBroken { // all panels have data
			t.Run("in a browser", func(t *testing.T) { fits(t, string(w), page, s.Panels) })
		}
	}
}

func TestThePreviewIsWrittenFromAPrometheus(t *testing.T) {
	url := serving(t, filled(time.Now(), time.Hour))
	out := filepath.Join(t.TempDir(), "below", "preview.html")
	var stdout, stderr bytes.Buffer
	environ := func(name string) string {
		return map[string]string{"PROMETHEUS_URL": url}[name]
	}
	if code := command([]string{"preview", "--out", out, "--from", "now-30m", "--var", "slo=slo-2"}, environ, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<span>" + url + ", ", "<dt>SLO</dt><dd>slo-2</dd>", `class="stroke s1"`} {
		if !bytes.Contains(content, []byte(want)) {
			t.Errorf("the page has no %s", want)
		}
	}
	if want := ", 0 failures: file://" + out; !strings.Contains(stdout.String(), want) {
		t.Errorf("%s, want %s", &stdout, want)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(out), ".preview-*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestThePreviewOfAFinishedRunIsAsOfItsEnd(t *testing.T) {
	out := filepath.Join(t.TempDir(), "preview.html")
	var stdout, stderr bytes.Buffer
	if code := command([]string{"preview", "--out", out, "--exposition", filepath.Join("..", "docs", "metrics", "ballast.prom")}, nothingSet, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"monitor-dns-failure</a>", ">inconclusive</td>", "2 minutes ago", ">not-injected</td>", "No data"} {
		if !bytes.Contains(content, []byte(want)) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestThePreviewSaysWhatItLacks(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	wrong := filepath.Join(t.TempDir(), "x.prom")
	if err := os.WriteFile(wrong, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "x.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no Prometheus":         {nil, exitUsage, "there is no Prometheus: set PROMETHEUS_URL="},
		"an invalid URL":        {[]string{"--prometheus-url", "host:9090"}, exitUsage, "not an absolute http or https one"},
		"both sources":          {[]string{"--prometheus-url", gone.URL, "--exposition", wrong}, exitUsage, "either a Prometheus or the data of a finished run"},
		"an unknown flag":       {[]string{"--colour"}, exitUsage, "colour"},
		"an unknown variable":   {[]string{"--prometheus-url", gone.URL, "--var", "color=red"}, exitUsage, `no dashboard has a variable "color"; there are datasource, experiment`},
		"a variable of no form": {[]string{"--var", "color"}, exitUsage, `"color" is not name=value`},
		"no dashboards":         {[]string{"--dir", t.TempDir(), "--prometheus-url", gone.URL}, exitData, "holds no dashboard"},
		"no JSON":               {[]string{"--dir", broken, "--prometheus-url", gone.URL}, exitData, "x.json: parse dashboard"},
		"no exposition":         {[]string{"--exposition", wrong}, exitUsage, "x.prom"},
		"no samples":            {[]string{"--samples", wrong}, exitUsage, "x.prom"},
		"samples of nothing":    {[]string{"--samples", file}, exitUsage, "file"},
		"an invalid range":      {[]string{"--prometheus-url", gone.URL, "--from", "yesterday"}, exitUsage, "the range must begin with now-"},
		"nowhere to go":         {[]string{"--prometheus-url", gone.URL, "--out", filepath.Join(file, "x.html")}, exitUnwrite, "file"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"preview"}, tc.args...)
			if !strings.Contains(strings.Join(args, " "), "--out") {
				args = append(args, "--out", filepath.Join(t.TempDir(), "preview.html"))
			}
			var stdout, stderr bytes.Buffer
			if code := command(args, nothingSet, &stdout, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("exit code %d, want %d: %s", code, tc.code, &stderr)
			}
		})
	}
	t.Run("a Prometheus that does not answer is in the page", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "preview.html")
		var stdout, stderr bytes.Buffer
		if code := command([]string{"preview", "--out", out, "--prometheus-url", strings.Replace(gone.URL, "//", "//user:hunter2@", 1)}, nothingSet, &stdout, &stderr); code != exitOK {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(content, []byte("prometheus is unreachable")) || !bytes.Contains(stderr.Bytes(), []byte("prometheus is unreachable")) {
			t.Error("the page does not say so")
		}
		if bytes.Contains(content, []byte("hunter2")) || bytes.Contains(stderr.Bytes(), []byte("hunter2")) {
			t.Error("the password is shown")
		}
	})
}

func TestTheNewestRunThatAnswersIsFound(t *testing.T) {
	url := serving(t, nil)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	temp := t.TempDir()
	note := func(run, at string, age time.Duration) {
		path := filepath.Join(temp, fmt.Sprintf("ballast-%d", os.Getuid()), run, "prometheus.url")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(at+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if at := localRun(t.Context(), temp, os.Getuid()); at != "" {
		t.Errorf("%q, and there is no run", at)
	}
	note("run-1", gone.URL, time.Minute)
	note("run-2", url, time.Hour)
	note("old-3", gone.URL, 0)
	note("run-4", "nonsense", 0)
	if at := localRun(t.Context(), temp, os.Getuid()); at != url {
		t.Errorf("%q, want %q", at, url)
	}
}

// BenchmarkPreview draws all dashboards from a day of generated data, each 15 seconds. The
// figure to hold is 2 s until the first panel is there, which is when the whole page is.
func BenchmarkPreview(b *testing.B) {
	url := serving(b, filled(time.Now(), 24*time.Hour))
	out := filepath.Join(b.TempDir(), "preview.html")
	begun := processorTime(b)
	for b.Loop() {
		var stdout, stderr bytes.Buffer
		if code := command([]string{"preview", "--out", out, "--from", "now-24h", "--prometheus-url", url}, nothingSet, &stdout, &stderr); code != exitOK {
			b.Fatalf("exit code %d: %s", code, &stderr)
		}
	}
	info, err := os.Stat(out)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1000, "kB/page")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/page")
	b.ReportMetric((processorTime(b)-begun).Seconds()/float64(b.N), "cpu-s/page") // of Prometheus and the preview
}

// processorTime is what the process has used, whatever else runs on the machine.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// filled is what the dashboards of six SLOs read and what ten processors show, each 15 seconds.
func filled(now time.Time, length time.Duration) []prom.Series {
	var all []prom.Series
	add := func(value func(i int) float64, labels map[string]string) {
		s := prom.Series{Labels: labels}
		n := int(length / (15 * time.Second))
		for i := range n + 1 {
			s.Points = append(s.Points, prom.Sample{T: now.Add(time.Duration(i-n) * 15 * time.Second), V: value(i)})
		}
		all = append(all, s)
	}
	steady := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	for pod := range 3 {
		of := func(name string, more map[string]string) map[string]string {
			at := fmt.Sprintf("monitor-%d", pod)
			return merged(map[string]string{"__name__": name, "job": "monitor", "namespace": "monitor", "pod": at, "instance": at}, more)
		}
		add(steady(1), of("up", nil))
		for cpu := range 10 {
			add(func(i int) float64 { return float64((i+cpu)%100) / 100 }, of("monitor_cpu_core_busy_ratio", map[string]string{"cpu": fmt.Sprintf("cpu%d", cpu)}))
		}
		for _, route := range []string{"/", "/api/v1/cpu", "/api/v1/memory"} {
			for _, code := range []string{"200", "503"} {
				add(func(i int) float64 { return float64(i * 20) }, of("monitor_http_requests_total", map[string]string{"route": route, "code": code, "method": "GET"}))
			}
		}
	}
	for slo := range 6 {
		of := func(name string, more map[string]string) map[string]string {
			return merged(map[string]string{"__name__": name, "service": "monitor", "slo": fmt.Sprintf("slo-%d", slo)}, more)
		}
		add(steady(1), of("ballast_slo:info", map[string]string{"period": "30d"}))
		add(steady(0.999), of("ballast_slo:objective:ratio", nil))
		add(steady(30*86400), of("ballast_slo:period:seconds", nil))
		add(steady(0.5), of("ballast_slo:window_coverage:ratio", nil))
		add(func(i int) float64 { return float64(i%100) / 50 }, of("ballast_slo:burn_rate:ratio", nil))
		add(func(i int) float64 { return float64(i) / 10000 }, of("ballast_slo:budget_spent_known:ratio", nil))
		for _, window := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"} {
			add(func(i int) float64 { return float64(i%200) / 1e5 }, of("ballast_slo:error:ratio", map[string]string{"window": window}))
			add(steady(1e5), of("ballast_slo:events:increase", map[string]string{"window": window}))
			add(steady(12), of("ballast_slo:bad_events:increase", map[string]string{"window": window}))
		}
		for _, tier := range []string{"page", "ticket"} {
			add(steady(14.4), of("ballast_slo:burn_rate_threshold:ratio", map[string]string{"tier": tier, "long_window": "1h", "short_window": "5m"}))
		}
	}
	return all
}
