package main

import (
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
	// An exposition is drawn as if it had been scraped so often for so long.
	exposedEvery, exposedFor = 15 * time.Second, 2 * time.Minute
	// mostSamples bounds the text of samples, in bytes: that of an hour on target local.
	mostSamples = 1 << 30
)

// finished draws what is kept of a run: its samples, and metrics as they were shown once,
// such as those of `ballast ledger --format prom`. It is drawn as of its last sample, or else
// of the end of the last run in the metrics, or else of now.
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
		// Nothing is left to be done about what cannot be removed.
		_ = errors.Join(server.Close(), os.RemoveAll(dir))
	}, nil
}

// readSamples reads a file that is compressed, or not.
func readSamples(path string) ([]prom.Series, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(text))
		if err == nil {
			text, err = io.ReadAll(io.LimitReader(z, mostSamples+1))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(text) > mostSamples {
		return nil, fmt.Errorf("%s holds more than %d MB of samples; draw a Prometheus that has them", path, mostSamples>>20)
	}
	all, err := promserver.ReadSamples(text)
	if err == nil && len(all) == 0 {
		err = errors.New("it holds no sample")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// timed sets what is not given: the range to that of the samples, and the interval to that
// of the scrapes.
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

// lastRun is when the last run ended, in seconds; 0 where the metrics speak of none.
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
