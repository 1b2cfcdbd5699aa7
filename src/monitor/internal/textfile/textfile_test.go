package textfile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, families []*dto.MetricFamily) string {
	t.Helper()
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestABadFileCostsOnlyItself(t *testing.T) {
	const good = "# HELP good_total Runs.\n# TYPE good_total counter\ngood_total{job=\"backup\"} 3\n"
	for name, tt := range map[string]struct {
		write func(t *testing.T, dir string)
		says  string
	}{
		"half a line":        {func(t *testing.T, dir string) { put(t, dir, "b.prom", "bad{x=") }, "b.prom: text format parsing error"},
		"a timestamp":        {func(t *testing.T, dir string) { put(t, dir, "b.prom", "bad 1 1700000000000\n") }, "timestamps"},
		"a name of UTF-8":    {func(t *testing.T, dir string) { put(t, dir, "b.prom", "{\"größe\"} 1\n") }, "b.prom: "},
		"a directory":        {func(t *testing.T, dir string) { mustMkdir(t, filepath.Join(dir, "b.prom")) }, "not a regular file"},
		"a pipe":             {func(t *testing.T, dir string) { mustPipe(t, filepath.Join(dir, "b.prom")) }, "not a regular file"},
		"a link to nowhere":  {func(t *testing.T, dir string) { mustLink(t, "/nowhere", filepath.Join(dir, "b.prom")) }, "no such file"},
		"a file of 4 MiB":    {func(t *testing.T, dir string) { put(t, dir, "b.prom", strings.Repeat("#\n", maxFile/2+1)) }, "more than 4194304 bytes"},
		"one that is right":  {func(t *testing.T, dir string) { put(t, dir, "b.prom", "fine 1\n") }, ""},
		"another suffix":     {func(t *testing.T, dir string) { put(t, dir, "b.prom.123", "bad{") }, ""},
		"names of the files": {func(t *testing.T, dir string) { put(t, dir, "b.prom", "node_textfile_scrape_error 0\n") }, "which the monitor makes itself"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "a.prom", good)
			put(t, dir, "c.prom", "late 1\n")
			tt.write(t, dir)
			got := read(dir)
			for _, part := range []string{good, "late 1\n"} {
				if !strings.Contains(text(t, got.families), part) {
					t.Errorf("%q is not among:\n%s", part, text(t, got.families))
				}
			}
			said := saidOf(got)
			if (said == "") != (tt.says == "") || !strings.Contains(said, tt.says) {
				t.Errorf("want %q: %q", tt.says, said)
			}
		})
	}
}

func saidOf(r reading) string {
	var b strings.Builder
	for _, p := range r.problems {
		fmt.Fprintf(&b, "%s: %v\n", p.path, p.err)
	}
	return b.String()
}

func mustMkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o750); err != nil {
		t.Fatal(err)
	}
}

func mustPipe(t *testing.T, path string) {
	t.Helper()
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustLink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func TestFamiliesOfSeveralFilesAreOne(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.prom", "# HELP age_seconds Age.\n# TYPE age_seconds gauge\nage_seconds{of=\"a\",x=\"1\"} 1\n# TYPE size_bytes gauge\nsize_bytes 7\n")
	put(t, dir, "b.prom", "# HELP age_seconds Another help.\n# TYPE age_seconds gauge\nage_seconds{x=\"1\",of=\"a\"} 9\nage_seconds{of=\"b\"} 2\n# TYPE size_bytes counter\nsize_bytes{of=\"b\"} 8\n")
	got := read(dir)
	want := "# HELP age_seconds Age.\n# TYPE age_seconds gauge\nage_seconds{of=\"a\",x=\"1\"} 1\nage_seconds{of=\"b\"} 2\n" +
		"# HELP size_bytes Metric read from " + filepath.Join(dir, "a.prom") + "\n# TYPE size_bytes gauge\nsize_bytes 7\n"
	if text(t, got.families) != want {
		t.Errorf("got:\n%swant:\n%s", text(t, got.families), want)
	}
	if said := saidOf(got); len(got.problems) != 2 || !strings.Contains(said, "1 series of age_seconds are in an earlier file or line already") ||
		!strings.Contains(said, "size_bytes is a counter here and a gauge in an earlier file") {
		t.Errorf("problems:\n%s", said)
	}
}

func TestADirectoryThatIsGoneOrTooFull(t *testing.T) {
	if got := read(filepath.Join(t.TempDir(), "gone")); len(got.problems) != 1 || got.families != nil {
		t.Errorf("%+v", got)
	}
	dir := t.TempDir()
	for i := range maxFiles + 1 {
		put(t, dir, fmt.Sprintf("%04d.prom", i), fmt.Sprintf("x{n=\"%d\"} 1\n", i))
	}
	if got := read(dir); len(got.problems) != 1 || len(got.families) != 1 || len(got.families[0].GetMetric()) != maxFiles {
		t.Errorf("%d families, problems:\n%s", len(got.families), saidOf(got))
	}
}

func TestOfManyProblemsTheFirstAreLogged(t *testing.T) {
	var log bytes.Buffer
	r := New(Config{Publish: func([]*dto.MetricFamily) {}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	var got reading
	for i := range maxSaid + 2 {
		got.problems = append(got.problems, problem{fmt.Sprintf("%04d.prom", i), errNotRegular})
	}
	for _, step := range []struct {
		what string
		from int // the first problem that is not mended
		want int // lines in all
	}{
		{"all of them", 0, maxSaid},
		{"the same again", 0, maxSaid},
		{"without the first, which makes room for one more", 1, maxSaid + 1},
	} {
		r.publish(t.Context(), reading{problems: got.problems[step.from:]})
		if n := strings.Count(log.String(), "\n"); n != step.want {
			t.Errorf("%s: %d lines, want %d", step.what, n, step.want)
		}
		if len(r.said) > maxSaid {
			t.Errorf("%s: %d are remembered, want at most %d", step.what, len(r.said), maxSaid)
		}
	}
}

// shown is what was published last.
type shown struct {
	mu       sync.Mutex
	families []*dto.MetricFamily
}

func (s *shown) take(families []*dto.MetricFamily) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.families = families
}

func (s *shown) text(t *testing.T) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return text(t, s.families)
}

func TestADirectoryThatHangsKeepsWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shown
		var log bytes.Buffer
		r := New(Config{Dir: "/spool", Timeout: time.Second, Publish: s.take, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		hung := make(chan struct{})
		reads := 0
		r.read = func(string) reading {
			if reads++; reads == 2 {
				<-hung
			}
			return reading{families: []*dto.MetricFamily{{Name: new("x"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(float64(reads))}}}}}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx, 5*time.Second) })
		for _, step := range []struct {
			after time.Duration
			want  []string
		}{
			{time.Millisecond, []string{"x 1\n", "scrape_error 0\n"}},
			{7 * time.Second, []string{"x 1\n", "scrape_error 1\n"}},
			{time.Minute, []string{"x 1\n", "scrape_error 1\n"}},
		} {
			time.Sleep(step.after)
			synctest.Wait()
			for _, part := range step.want {
				if got := s.text(t); !strings.Contains(got, part) {
					t.Errorf("after %s no %q in:\n%s", step.after, part, got)
				}
			}
		}
		if reads != 2 {
			t.Errorf("%d reads, want none beside the one that hangs", reads)
		}
		close(hung)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := s.text(t); !strings.Contains(got, "scrape_error 0\n") || strings.Contains(got, "x 1\n") {
			t.Errorf("it answers again:\n%s", got)
		}
		cancel()
		running.Wait()
		if n := strings.Count(log.String(), "no answer in time"); n != 1 {
			t.Errorf("it was said %d times: %s", n, &log)
		}
	})
}

func TestAReadThatHangsDoesNotHoldTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{Dir: "/spool", Timeout: time.Second, Publish: func([]*dto.MetricFamily) {}, Logger: slog.New(slog.DiscardHandler)})
		hung := make(chan struct{})
		defer close(hung)
		r.read = func(string) reading { <-hung; return reading{} }
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		start := time.Now()
		r.Run(ctx, time.Second)
		if took := time.Since(start); took != 10*time.Second+abandonAfter {
			t.Errorf("it ended after %s", took)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "x 1\n", "x{a=\"b\"} NaN\n", "# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_sum 1\nx_count 1\n", "x 1 2\n", "x{"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		families, err := parse(content)
		if err != nil {
			return
		}
		merged, _ := merge([]file{{path: "a", families: families}, {path: "b", families: families}})
		text(t, merged)
	})
}
