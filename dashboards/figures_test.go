package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/dashboards/internal/preview"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// The size that the figures are of, and the figures: of a core, of bytes, and of seconds of
// processor time, which other programs on the machine do not add to.
const (
	manySLOs    = 50
	manyScrape  = 15 * time.Second
	manyPast    = 72 * time.Hour
	manyBoards  = 24 * time.Hour // the longest range of a dashboard of SLOs
	manyWatched = time.Hour

	mostOfACore = 0.1
	mostHeap    = 300e6
	mostSeconds = 2.0
)

// figures are asked for: they take minutes.
func figures(t *testing.T) {
	t.Helper()
	if os.Getenv("BALLAST_FIGURES") == "" {
		t.Skip("it takes minutes: make dashboards-figures")
	}
}

// many are SLOs of three series for each selector.
func many(t *testing.T) slo.Set {
	t.Helper()
	var all []slo.SLO
	for i := range manySLOs {
		service := fmt.Sprintf("service-%02d", i)
		all = append(all, slo.SLO{
			Name: service + "-availability", Service: service, Objective: 0.999, Window: 30 * 24 * time.Hour,
			Good: fmt.Sprintf(`good_total{service=%q}`, service), Total: fmt.Sprintf(`events_total{service=%q}`, service),
		})
	}
	set, err := slo.NewSet(all...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// counted are the three series of each selector, until the end of the watched time.
func counted(o slo.SLO, now time.Time) []prom.Series {
	var all []prom.Series
	for name, rate := range map[string]float64{"events_total": 100, "good_total": 99.98} {
		for pod := range 3 {
			s := prom.Series{Labels: map[string]string{"__name__": name, "service": o.Service, "job": o.Service, "pod": fmt.Sprintf("%s-%d", o.Service, pod)}}
			for at := -manyPast; at <= manyWatched; at += manyScrape {
				s.Points = append(s.Points, prom.Sample{T: now.Add(at), V: rate * (at + manyPast).Seconds()})
			}
			all = append(all, s)
		}
	}
	return all
}

// recorded is what the SLO's rules have recorded for as long as dashboards show.
func recorded(o slo.SLO, now time.Time) []prom.Series {
	var all []prom.Series
	for _, g := range rules.FromSLO(o) {
		every := max(manyScrape, time.Duration(g.Interval))
		for _, r := range g.Rules {
			if r.Record == "" {
				continue
			}
			s := prom.Series{Labels: merged(r.Labels, map[string]string{"__name__": r.Record})}
			for at, i := -manyBoards, 0; at < 0; at, i = at+every, i+1 {
				s.Points = append(s.Points, prom.Sample{T: now.Add(at), V: float64(i%100) / 1e6})
			}
			all = append(all, s)
		}
	}
	return all
}

// ruleFile writes the rules of all SLOs.
func ruleFile(t *testing.T, set slo.Set) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []rulefmt.RuleGroup
	for _, o := range set.All() {
		all = append(all, rules.FromSLO(o)...)
	}
	if err := rules.Write(f, all); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFiguresOfManySLOs prints what the rules of many SLOs and the dashboards' queries take.
func TestFiguresOfManySLOs(t *testing.T) {
	figures(t)
	set := many(t)
	files, err := generate(set, promSource{})
	if err != nil {
		t.Fatal(err)
	}
	file := ruleFile(t, set)
	synctest.Test(t, func(t *testing.T) {
		s, err := promserver.Open(promserver.Config{Dir: t.TempDir(), RuleFiles: []string{file}, Evaluation: manyScrape})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		now := time.Now()
		if err := s.Backfill(t.Context(), history(t, worldHealthy, programs(), now)); err != nil {
			t.Fatal(err)
		}
		for _, o := range set.All() { // one by one, as they are larger here than there
			if err := s.Backfill(t.Context(), append(counted(o, now), recorded(o, now)...)); err != nil {
				t.Fatal(err)
			}
		}
		rulesFigures(t)
		c, err := prom.New(prom.Config{URL: "http://embedded", Timeout: time.Hour, RoundTripper: promserver.Transport(s.Handler())})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, name := range slices.Sorted(maps.Keys(files)) {
			d, err := lint.Parse(files[name])
			if err != nil {
				t.Fatal(err)
			}
			boardFigures(t, c, d)
		}
	})
}

// rulesFigures measures while the rules are evaluated.
func rulesFigures(t *testing.T) {
	t.Helper()
	heap := func() float64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	runtime.GC()
	live, most := heap(), 0.0
	began := processorTime(t)
	for range manyWatched / time.Minute {
		time.Sleep(time.Minute)
		synctest.Wait()
		most = max(most, heap())
	}
	share := (processorTime(t) - began).Seconds() / manyWatched.Seconds()
	t.Logf("rules of %d SLOs, 3 series for each selector, every %s, %s of history: %.2f%% of a core (at most %.0f%%); %.0f MB (at most %.0f MB) beside the %.0f MB of samples",
		manySLOs, manyScrape, manyPast, 100*share, 100*mostOfACore, (most-live)/1e6, mostHeap/1e6, live/1e6)
	// The samples are in memory here, and on disk in a Prometheus of its own.
	if share > mostOfACore || most-live > mostHeap {
		t.Error("that is more than the figures allow")
	}
}

// boardFigures measures what all panels of a dashboard take, as it is when it is opened.
func boardFigures(t *testing.T, c *prom.Client, d lint.Dashboard) {
	t.Helper()
	began := processorTime(t)
	summary, err := preview.Write(t.Context(), io.Discard, []lint.Dashboard{d}, preview.Config{Source: c, Now: time.Now(), Scrape: manyScrape})
	if err != nil {
		t.Fatal(err)
	}
	took := (processorTime(t) - began).Seconds()
	t.Logf("%s: %d panels, %d of them empty, answered and drawn in %.2f s of processor time (at most %.0f s)", d.Title, summary.Panels, summary.Empty, took, mostSeconds)
	if len(summary.Failures) > 0 {
		t.Errorf("%s: %s", d.Title, strings.Join(summary.Failures, "\n"))
	}
	if took > mostSeconds {
		t.Errorf("%s takes more than the figure allows", d.Title)
	}
}

// TestFiguresOfThePreview prints how long a page of a day's data takes.
func TestFiguresOfThePreview(t *testing.T) {
	figures(t)
	url := serving(t, filled(time.Now(), 24*time.Hour))
	out := filepath.Join(t.TempDir(), "preview.html")
	began, at := processorTime(t), time.Now()
	var stdout, stderr bytes.Buffer
	if code := command([]string{"preview", "--out", out, "--from", "now-24h", "--prometheus-url", url}, nothingSet, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	took := (processorTime(t) - began).Seconds()
	t.Logf("a page of 24 h of data: %.2f s of processor time, of Prometheus and the preview (at most %.0f s); %.2f s by the clock", took, mostSeconds, time.Since(at).Seconds())
	if took > mostSeconds {
		t.Error("that is more than the figure allows")
	}
}
