package promserver_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

const benchExpr = `sum(rate(requests_total{code="500"}[10s])) / sum(rate(requests_total[10s]))`

// direct asks an engine without any API, over the same data as stocked: what the
// client's time is compared with.
func direct(b *testing.B) (*promql.Engine, *tsdb.DB) {
	opts := tsdb.DefaultOptions()
	opts.WALSegmentSize = -1
	db, err := tsdb.Open(b.TempDir(), nil, nil, opts, nil)
	if err != nil {
		b.Fatal(err)
	}
	app := db.Appender(b.Context())
	for i := range 121 {
		for code, v := range map[string]float64{"200": float64(10 * i), "500": float64(i)} {
			t := noon.Add(time.Duration(i-120) * time.Second).UnixMilli()
			if _, err := app.Append(0, labels.FromStrings("__name__", "requests_total", "code", code), t, v); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		b.Fatal(err)
	}
	eng := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return eng, db
}

// Each op asks both the client, with the freshness of its two selectors, and the
// bare engine; the ratio is what the client costs over the engine.
func BenchmarkClientOverEngine(b *testing.B) {
	w := prom.Window{Start: noon.Add(-time.Minute), End: noon, Step: time.Second}
	eng, db := direct(b)
	bare := map[string]func(ctx context.Context) (promql.Query, error){
		"instant": func(ctx context.Context) (promql.Query, error) {
			return eng.NewInstantQuery(ctx, db, nil, benchExpr, noon)
		},
		"range": func(ctx context.Context) (promql.Query, error) {
			return eng.NewRangeQuery(ctx, db, nil, benchExpr, w.Start, w.End, w.Step)
		},
	}
	s := stocked(b, promserver.Config{Listen: "127.0.0.1:0"})
	loopback, err := prom.New(prom.Config{URL: s.URL(), MaxAge: 3 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer loopback.Close()
	for way, c := range map[string]*prom.Client{
		"loopback":   loopback,
		"in-process": inProcess(b, s, prom.Config{MaxAge: 3 * time.Second}),
	} {
		for kind, prepare := range bare {
			b.Run(kind+"/"+way, func(b *testing.B) {
				var through, alone time.Duration
				for b.Loop() {
					began := time.Now()
					if kind == "instant" {
						_, err = c.Instant(b.Context(), benchExpr, noon)
					} else {
						_, err = c.Range(b.Context(), benchExpr, w)
					}
					if err != nil {
						b.Fatal(err)
					}
					through += time.Since(began)

					began = time.Now()
					q, err := prepare(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					if res := q.Exec(b.Context()); res.Err != nil {
						b.Fatal(res.Err)
					}
					q.Close()
					alone += time.Since(began)
				}
				b.ReportMetric(float64(through.Microseconds())/float64(b.N), "client-µs/op")
				b.ReportMetric(float64(alone.Microseconds())/float64(b.N), "engine-µs/op")
				b.ReportMetric(float64(through)/float64(alone), "client/engine")
			})
		}
	}
}

// 20 series of 40,000 points: what the local target backfills, and more.
func BenchmarkBackfill(b *testing.B) {
	var history []prom.Series
	for i := range 20 {
		one := series("requests_total")
		one.Labels["replica"] = strconv.Itoa(i)
		for p := range 40_000 {
			one.Points = append(one.Points, prom.Sample{T: noon.Add(time.Duration(p) * time.Second), V: float64(p * i)})
		}
		history = append(history, one)
	}
	for b.Loop() {
		b.StopTimer()
		s := open(b, promserver.Config{})
		b.StartTimer()
		if err := s.Backfill(b.Context(), history); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// Three servers side by side, as three experiments at once have them: each with
// backfilled history, three targets at one second and a client that asks.
func BenchmarkThreeServersMemory(b *testing.B) {
	for b.Loop() {
		for range 3 {
			s := open(b, promserver.Config{Listen: "127.0.0.1:0", Jobs: []string{"monitor"}})
			var targets []promserver.Target
			for i := range 3 {
				targets = append(targets, promserver.Target{Address: address(exposition(b, "/metrics")), Labels: map[string]string{"instance": strconv.Itoa(i)}})
			}
			var history []prom.Series
			for i := range 20 {
				one := series("history_total")
				one.Labels["i"] = strconv.Itoa(i)
				begin := time.Now().Add(-2 * time.Hour)
				for p := range 7200 {
					one.Points = append(one.Points, prom.Sample{T: begin.Add(time.Duration(p) * time.Second), V: float64(p * i)})
				}
				history = append(history, one)
			}
			if err := s.Backfill(b.Context(), history); err != nil {
				b.Fatal(err)
			}
			if err := s.SetTargets("monitor", targets); err != nil {
				b.Fatal(err)
			}
			eventually(b, inProcess(b, s, prom.Config{MaxAge: 3 * time.Second}), `count(scrapes_total)`, is(3))
		}
		b.ReportMetric(residentMB(b), "RSS-MB")
	}
}

func residentMB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc/self/status on this system")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
