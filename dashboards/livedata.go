package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/dashboards/internal/preview"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// localRun is the URL of the Prometheus of the newest run on this machine that answers, or
// empty. A run on target local notes it in its directory (docs/reference/target-local.md).
func localRun(ctx context.Context, temp string, user int) string {
	paths, err := filepath.Glob(filepath.Join(temp, "ballast-"+strconv.Itoa(user), "run-*", "prometheus.url"))
	if err != nil {
		return ""
	}
	written := map[string]time.Time{}
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			written[path] = info.ModTime()
		}
	}
	newest := slices.SortedFunc(maps.Keys(written), func(a, b string) int { return written[b].Compare(written[a]) })
	for _, path := range newest {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // the run has ended since
		}
		at := strings.TrimSpace(string(content))
		if responds(ctx, at) {
			return at
		}
	}
	return ""
}

// responds is whether a Prometheus answers a query there, soon.
func responds(ctx context.Context, at string) bool {
	client, err := prom.New(prom.Config{URL: at, Timeout: 2 * time.Second})
	if err != nil {
		return false
	}
	defer client.Close()
	_, err = client.Instant(ctx, "vector(1)", time.Time{})
	return err == nil
}

// endOfRun is the metric that says when a run ended, in seconds.
const endOfRun = "ballast_experiment_end_timestamp_seconds"

// expositionSource draws metrics as they were shown once, such as those of `ballast ledger
// --format prom`. They are taken as of the last run's end, or of now where they speak of none.
func expositionSource(path string, cfg *preview.Config) (done func(), err error) {
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
	const every, shown = 15 * time.Second, 2 * time.Minute
	last := 0.0
	for _, m := range families[endOfRun].GetMetric() {
		last = max(last, value(m))
	}
	if last > 0 {
		cfg.Now = time.UnixMilli(int64(last * 1000)).Add(shown)
	}
	var history []prom.Series
	for _, name := range slices.Sorted(maps.Keys(families)) {
		for _, m := range families[name].GetMetric() {
			s := prom.Series{Labels: map[string]string{"__name__": name}}
			for _, l := range m.GetLabel() {
				s.Labels[l.GetName()] = l.GetValue()
			}
			for at := cfg.Now.Add(-shown); !at.After(cfg.Now); at = at.Add(every) {
				s.Points = append(s.Points, prom.Sample{T: at, V: value(m)})
			}
			history = append(history, s)
		}
	}
	dir, err := os.MkdirTemp("", "ballast-preview-")
	if err != nil {
		return nil, err
	}
	server, err := promserver.Open(promserver.Config{Dir: dir, History: history})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	client, err := prom.New(prom.Config{URL: "http://embedded", Timeout: previewTimeout, RoundTripper: promserver.Transport(server.Handler())})
	if err != nil {
		return nil, errors.Join(err, server.Close(), os.RemoveAll(dir))
	}
	cfg.Source, cfg.Name, cfg.Scrape = client, "metrics of "+path, every
	return func() {
		client.Close()
		// Nothing is left to be done about what cannot be removed.
		_ = errors.Join(server.Close(), os.RemoveAll(dir))
	}, nil
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
