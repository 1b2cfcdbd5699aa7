package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/dashboards/internal/preview"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// endOfRun is the metric that says when a run ended, in seconds.
const endOfRun = "ballast_experiment_end_timestamp_seconds"

const (
	// The interval and duration for which an exposition is drawn as if it had been scraped.
	exposedEvery, exposedFor = 15 * time.Second, 2 * time.Minute
	// mostSamples bounds the uncompressed text of samples, in bytes. An hour on target
	// local is about that much.
	mostSamples = 1 << 30
)

// finished sets the saved data of a run as the source: its samples, and an exposition such
// as that of `ballast ledger --format prom`. The time of the page is that of the last sample,
// else the end of the last run in the exposition, else now.
func (o previewOptions) finished(cfg *preview.Config) (done func(), err error) {
	var kept []prom.Series
	name := ""
	if o.samples != "" {
		if kept, err = readSamples(o.samples); err != nil {
			return nil, err
		}
		name = "samples of " + o.samples
		timed(kept, cfg)
	}
	if o.exposition != "" {
		families, err := readExposition(o.exposition)
		if err != nil {
			return nil, err
		}
		if o.samples == "" {
			name, cfg.Scrape = "metrics of "+o.exposition, exposedEvery
			if last := lastRun(families); last > 0 {
				cfg.Now = time.UnixMilli(int64(last * 1000)).Add(exposedFor)
			}
		}
		kept = append(kept, asScraped(families, cfg.Now)...)
	}
	dir, err := os.MkdirTemp("", "ballast-preview-")
	if err != nil {
		return nil, err
	}
	server, err := promserver.Open(promserver.Config{Dir: dir, History: kept})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	client, err := prom.New(prom.Config{URL: "http://embedded", Timeout: previewTimeout, RoundTripper: promserver.Transport(server.Handler())})
	if err != nil {
		return nil, errors.Join(err, server.Close(), os.RemoveAll(dir))
	}
	cfg.Source, cfg.Name = client, name
	return func() {
		client.Close()
		// The page is drawn; nothing depends on a directory that cannot be removed.
		_ = errors.Join(server.Close(), os.RemoveAll(dir))
	}, nil
}

// readSamples reads a file with at most mostSamples bytes of samples.
func readSamples(path string) ([]prom.Series, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := samplesText(f, mostSamples)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	all, err := promserver.ReadSamples(text)
	if err == nil && len(all) == 0 {
		err = errors.New("the file has no samples; give one that `ballast run --samples` wrote")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// samplesText reads at most that many bytes of text, which may be compressed by gzip.
func samplesText(in io.Reader, most int64) ([]byte, error) {
	buffered := bufio.NewReader(in)
	in = buffered
	// A shorter file is not compressed; reading it again returns the same error.
	if magic, err := buffered.Peek(2); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if in, err = gzip.NewReader(buffered); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("it has more than %d MB of samples; give a Prometheus that has them with --prometheus-url", most>>20)
	}
	return text, nil
}

// timed sets the range and the scrape interval to those of the samples, unless given.
func timed(kept []prom.Series, cfg *preview.Config) {
	first, last, every := kept[0].Points[0].T, kept[0].Points[0].T, time.Duration(0)
	for _, s := range kept {
		n := len(s.Points)
		if s.Points[0].T.Before(first) {
			first = s.Points[0].T
		}
		if s.Points[n-1].T.After(last) {
			last = s.Points[n-1].T
		}
		if s.Labels["__name__"] == "up" && n > 1 {
			every = max(every, s.Points[n-1].T.Sub(s.Points[0].T)/time.Duration(n-1))
		}
	}
	cfg.Now = last
	if cfg.From == "" {
		cfg.From = fmt.Sprintf("now-%ds", int(math.Ceil(last.Sub(first).Seconds())))
	}
	if cfg.Scrape == 0 {
		cfg.Scrape = every.Round(100 * time.Millisecond)
	}
}

func readExposition(path string) (_ map[string]*dto.MetricFamily, err error) {
	in := io.ReadCloser(os.Stdin)
	if path != "-" {
		if in, err = os.Open(path); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, in.Close()) }()
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(families) == 0 {
		return nil, fmt.Errorf("%s holds no metric", path)
	}
	return families, nil
}

// lastRun is when the last run ended, in seconds; 0 if the metrics have no run.
func lastRun(families map[string]*dto.MetricFamily) float64 {
	last := 0.0
	for _, m := range families[endOfRun].GetMetric() {
		last = max(last, value(m))
	}
	return last
}

// asScraped are series of the metrics, as if they had been scraped until now.
func asScraped(families map[string]*dto.MetricFamily, now time.Time) []prom.Series {
	var all []prom.Series
	for _, name := range slices.Sorted(maps.Keys(families)) {
		for _, m := range families[name].GetMetric() {
			s := prom.Series{Labels: map[string]string{"__name__": name}}
			for _, l := range m.GetLabel() {
				s.Labels[l.GetName()] = l.GetValue()
			}
			for at := now.Add(-exposedFor); !at.After(now); at = at.Add(exposedEvery) {
				s.Points = append(s.Points, prom.Sample{T: at, V: value(m)})
			}
			all = append(all, s)
		}
	}
	return all
}

// value is that of a metric of any simple type.
func value(m *dto.Metric) float64 {
	switch {
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	case m.GetUntyped() != nil:
		return m.GetUntyped().GetValue()
	}
	return math.NaN()
}
