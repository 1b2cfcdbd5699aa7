package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/prom"
)

// The clocks of a world. History is coarse where only long windows read it. It grows to the
// 99% of the period of the SLOs that count as known in full while it is watched.
const (
	period   = 711 * time.Hour
	dense    = 7 * time.Hour    // before the watched time: what the windows of pages read
	watched  = 2 * time.Hour    // in which the rules are evaluated
	healthy  = 40 * time.Minute // of the watched time, before the trouble begins
	interval = time.Minute
	coarse   = time.Hour
)

// world is one course of events: what becomes of series once the trouble begins.
type world string

// The worlds.
const (
	worldHealthy world = "healthy"
	worldBroken  world = "broken"
	worldIdle    world = "idle" // nobody sends a request
	worldDark    world = "dark" // the probe is not scraped
	// worldRecorded is what the published expositions say, value for value.
	worldRecorded world = "recorded"
	// worldRecordedBroken is the same until the trouble, and then what programs exported in a
	// sandbox that was broken.
	worldRecordedBroken world = "recorded broken"
)

// program is one exposition, and how its targets are labelled.
type program struct {
	file   string
	labels []map[string]string
	// only are the beginnings of the names that are taken; none takes all.
	only []string
}

func programs() []program {
	target := func(namespace, job, pod string) map[string]string {
		return map[string]string{"namespace": namespace, "job": job, "pod": pod, "instance": pod + ":80"}
	}
	return []program{
		{file: "monitor", labels: []map[string]string{target("monitor", "monitor", "monitor-a"), target("monitor", "monitor", "monitor-b")}},
		{file: "probe", labels: []map[string]string{target("monitor", "probe", "probe-a")}}, // the SLOs'
		{file: "argocd", labels: []map[string]string{target("argocd", "argocd-metrics", "argocd-a")}},
		{file: "prometheus", labels: []map[string]string{target("observability", "prometheus", "prometheus-a")}},
		{file: "alertmanager", labels: []map[string]string{target("observability", "alertmanager", "alertmanager-a")}},
		{file: "otel-collector", labels: []map[string]string{target("observability", "otel-collector", "collector-a")}},
		{file: "victorialogs", labels: []map[string]string{target("observability", "victorialogs", "victorialogs-a")}},
		{file: "git", labels: []map[string]string{{"namespace": "ballast-system", "job": "ballast-git", "instance": "10.89.0.2:3000"}}},
		{file: "guard", labels: []map[string]string{target("chaos-testing", "ballast-guard", "guard-a")}},
		// What the guard serves, too, is taken from it.
		{file: "ballast", labels: []map[string]string{target("chaos-testing", "ballast-ledger", "ledger-a")}, only: []string{"ballast_budget_chaos_", "ballast_alert_"}},
	}
}

// leavesOut is whether a series is not taken.
func (p program) leavesOut(e exposed) bool {
	return len(p.only) > 0 && !slices.ContainsFunc(p.only, func(prefix string) bool { return strings.HasPrefix(e.labels["__name__"], prefix) })
}

// history is what the programs of the repository export in a world, from a month before
// the watched time to its end. The names and labels are those of the published expositions.
func history(t *testing.T, w world, programs []program, start time.Time) []prom.Series {
	t.Helper()
	if w == worldRecordedBroken {
		return recordedTrouble(t, programs, start)
	}
	var all []prom.Series
	for _, p := range programs {
		exposed := exposition(t, p.file)
		if w != worldRecorded {
			exposed = append(exposed, unpublished(p.file)...)
		}
		exposed = slices.DeleteFunc(exposed, p.leavesOut)
		for _, target := range p.labels {
			down := w == worldDark && target["job"] == "probe"
			all = append(all, series(w, merged(target, map[string]string{"__name__": "up"}), start, false, p.file != "probe", false, 1))
			for _, one := range exposed {
				all = append(all, series(w, merged(one.labels, target), start, one.counter, p.file != "probe", down, one.value))
			}
		}
	}
	return all
}

func merged[V any](all ...map[string]V) map[string]V {
	out := map[string]V{}
	for _, ls := range all {
		for k, v := range ls {
			out[k] = v
		}
	}
	return out
}

// series is the course of one series.
func series(w world, ls map[string]string, start time.Time, counter, short, down bool, base float64) prom.Series {
	s := prom.Series{Labels: ls}
	before, after := behaviour(w, ls, counter, base)
	from, step := start.Add(-period), coarse
	switch {
	case before.slope != 0:
		from, step = start.Add(-dense), interval
	case short:
		from, step = start, interval
	}
	trouble, value := start.Add(healthy), base
	for at := from; at.Before(start.Add(watched)); at = at.Add(step) {
		if !at.Before(start.Add(-dense)) {
			step = interval
		}
		if down && at.After(trouble) {
			break
		}
		now := before
		if !at.Before(trouble) {
			now = after
		}
		if !counter && now.value == gone {
			continue
		}
		switch {
		case counter:
			value += now.rate * step.Seconds()
		case now.slope != 0:
			value = now.value - now.slope*at.Sub(start.Add(-dense)).Hours()
		default:
			value = now.value
		}
		s.Points = append(s.Points, prom.Sample{T: at, V: value})
	}
	return s
}

// unpublished are series that programs export only once something is wrong.
func unpublished(file string) []exposed {
	switch file {
	case "monitor":
		return []exposed{{map[string]string{"__name__": "monitor_http_requests_total", "code": "503", "method": "GET", "route": "/api/v1/cpu"}, true, 0}}
	case "argocd":
		return []exposed{{map[string]string{
			"__name__": "argocd_app_info", "name": "monitor", "project": "monitor", "sync_status": "OutOfSync", "health_status": "Degraded", "autosync_enabled": "true",
		}, false, 1}}
	case "guard":
		run := map[string]string{"experiment": "monitor-pod-kill", "target": "cluster"}
		return []exposed{
			{merged(run, map[string]string{"__name__": "ballast_experiment_verdict", "verdict": "fail"}), false, 1},
			{merged(run, map[string]string{"__name__": "ballast_experiment_reason", "reason": "slo-broken"}), false, 1},
			{map[string]string{"__name__": "ballast_experiment_verdict", "experiment": "monitor-dns-failure", "target": "cluster", "verdict": "pass"}, false, 1},
			{map[string]string{"__name__": "ballast_experiment_verdict", "experiment": "monitor-disk-fill", "target": "cluster", "verdict": "residue"}, false, 1},
		}
	}
	return nil
}

// exposed is one series of an exposition.
type exposed struct {
	labels  map[string]string
	counter bool
	value   float64
}

// exposition reads a published one.
func exposition(t *testing.T, file string) []exposed {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "docs", "metrics", file+".prom"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []exposed
	for name, family := range families {
		for _, m := range family.GetMetric() {
			ls := map[string]string{"__name__": name}
			for _, l := range m.GetLabel() {
				ls[l.GetName()] = l.GetValue()
			}
			all = append(all, flatten(family.GetType(), m, ls)...)
		}
	}
	return all
}

func flatten(kind dto.MetricType, m *dto.Metric, ls map[string]string) []exposed {
	switch kind {
	case dto.MetricType_SUMMARY, dto.MetricType_GAUGE_HISTOGRAM: // nothing here exports one
	case dto.MetricType_COUNTER:
		return []exposed{{ls, true, m.GetCounter().GetValue()}}
	case dto.MetricType_GAUGE:
		return []exposed{{ls, false, m.GetGauge().GetValue()}}
	case dto.MetricType_UNTYPED:
		return []exposed{{ls, strings.HasSuffix(ls["__name__"], "_total"), m.GetUntyped().GetValue()}}
	case dto.MetricType_HISTOGRAM:
		suffixed := func(suffix string, extra map[string]string) map[string]string {
			return merged(ls, extra, map[string]string{"__name__": ls["__name__"] + suffix})
		}
		all := []exposed{{suffixed("_count", nil), true, 0}, {suffixed("_sum", nil), true, 0}}
		for _, b := range m.GetHistogram().GetBucket() {
			le := strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)
			if math.IsInf(b.GetUpperBound(), 1) {
				le = "+Inf"
			} else if !strings.ContainsAny(le, ".e") {
				le += ".0"
			}
			all = append(all, exposed{suffixed("_bucket", map[string]string{"le": le}), true, 0})
		}
		return all
	}
	return nil
}

// matching is whether labels are those of a selector.
func matching(selector string, ls map[string]string) bool {
	ms, err := parser.NewParser(parser.Options{}).ParseMetricSelector(selector)
	if err != nil {
		panic(err)
	}
	for _, m := range ms {
		if !m.Matches(ls[m.Name]) {
			return false
		}
	}
	return true
}
