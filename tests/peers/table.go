package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one figure of the table.
type row struct {
	what           string
	monitor, other float64 // medians; other is 0 without a peer
	peer           string
	unit           unit
	goal           float64 // of monitor ÷ other, or of monitor without a peer
	atLeast        bool    // the goal is the least; else it is the most
}

// unit says how a figure is written.
type unit func(v float64) string

func micros(v float64) string   { return fmt.Sprintf("%.0f µs", v*1e6) }
func millis(v float64) string   { return fmt.Sprintf("%.2f ms", v*1e3) }
func ofACore(v float64) string  { return fmt.Sprintf("%.2f%% of a core", v*100) }
func megabyte(v float64) string { return fmt.Sprintf("%.1f MB", v/1e6) }
func perSecond(v float64) string {
	return fmt.Sprintf("%.0f/s", v)
}

func (r row) value() float64 {
	if r.peer == "" {
		return r.monitor
	}
	return r.monitor / r.other
}

func (r row) reached() bool {
	if r.atLeast {
		return r.value() >= r.goal
	}
	return r.value() <= r.goal
}

// rows are the figures that there are goals for, and how many of those are missed.
func (m *measurement) rows() (rows []row, missed int) {
	of := func(name string) float64 { return quantile(m.samples[name], 0.5) }
	against := func(what, figure string, u unit, goal float64) {
		for _, f := range []string{"plain", "gzip"} {
			rows = append(rows, row{
				what: what + ", " + f, monitor: of("monitor/" + f + figure), other: of("node_exporter/" + f + figure), peer: "node_exporter", unit: u, goal: goal,
			})
		}
	}
	against("one scrape every 15 ms: CPU of a scrape, nothing subtracted", "/often/cpu", micros, 0.25)
	against("one scrape every 15 ms: 99th percentile of the time for a scrape", "/often/p99", millis, 0.25)
	against("one scrape a second: CPU of a scrape above idle", "/seldom/above idle", micros, 0.25)
	against("one scrape a second: CPU of the whole process, sampling included", "/seldom/all", ofACore, 0.6)
	rows = append(
		rows,
		row{what: "RSS, with a history and the page open", monitor: of("monitor/history/rss"), other: of("node_exporter/rss"), peer: "node_exporter", unit: megabyte, goal: 1.15},
		row{what: "RSS, with --history-memory=0", monitor: of("monitor/bare/rss"), other: of("node_exporter/rss"), peer: "node_exporter", unit: megabyte, goal: 0.9},
		row{what: "snapshots as JSON, eight connections", monitor: of("monitor/snapshots"), other: of("bare/snapshots"), peer: "bare handler", unit: perSecond, goal: 0.8, atLeast: true},
		row{what: "500 clients of the stream", monitor: of("monitor/streams"), unit: ofACore, goal: 0.04},
		row{
			what:    fmt.Sprintf("one scrape every 15 s: CPU of the whole process, %d cores, %d disks, %d interfaces, %d mounts", fixtureCores, fixtureDisks, fixtureInterfaces, fixtureMounts),
			monitor: of("monitor/fixture"), unit: ofACore, goal: 0.01,
		},
		row{what: "from the start to ready", monitor: of("monitor/start"), unit: millis, goal: 0.150},
		row{what: "the program", monitor: of("monitor/binary"), unit: megabyte, goal: 28e6},
		row{what: "the image, compressed", monitor: of("monitor/image"), unit: megabyte, goal: 30e6},
	)
	for _, r := range rows {
		if !r.reached() {
			missed++
		}
	}
	return rows, missed
}

// table is the rows as Markdown.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| figure | monitor | peer | | goal | |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		other, ratio, goal := "", "", r.unit(r.goal)
		if r.peer != "" {
			other, ratio, goal = r.unit(r.other)+" ("+r.peer+")", fmt.Sprintf("%.2f×", r.value()), fmt.Sprintf("%.2f×", r.goal)
		}
		bound := "at most "
		if r.atLeast {
			bound = "at least "
		}
		said := "reached"
		if !r.reached() {
			said = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.unit(r.monitor), other, ratio, bound+goal, said)
	}
	return b.String()
}

func page(rows []row, rounds int, took time.Duration) string {
	return fmt.Sprintf(`# The monitor beside its peers

Written by `+"`make bench-peers`"+` in one run. Within each round the monitor and its peers are measured in turn. Figures are medians of %d rounds. CPU is that of all threads, from the kernel's schedstat. The client is written in Go. node_exporter is that of [tools/node_exporter](../../tools/node_exporter/go.mod), with the collectors that read what the monitor's read; both are on this machine's files. The monitor reads every second. The run took %s on %d processors (%s, %s).

%s
A bare handler writes as many bytes as the snapshot has, and does nothing else. The rings of the history are written when they are made, so that they take all of their memory from the start.
`, rounds, took.Round(time.Second), runtime.NumCPU(), runtime.GOARCH, runtime.Version(), table(rows))
}

func seconds(ds []time.Duration) []float64 {
	list := make([]float64, len(ds))
	for i, d := range ds {
		list[i] = d.Seconds()
	}
	return list
}

// quantile is the value below which a share q of the samples lies, interpolated; NaN
// without any.
func quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
