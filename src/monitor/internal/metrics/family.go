package metrics

import (
	"math"
	"strconv"
	"strings"
)

// format is a form of the exposition.
type format int

const (
	text format = iota
	openMetrics
	formats // how many there are
)

type kind string

const (
	gaugeKind   kind = "gauge"
	counterKind kind = "counter"
	// untypedKind is a number of which the kernel's file does not say whether
	// it is a counter.
	untypedKind kind = "untyped"
)

// family is one metric name with its type and labels.
type family struct {
	name, help string
	kind       kind
	labels     []string
}

func gauge(name, help string, labels ...string) *family {
	return &family{"monitor_" + name, help, gaugeKind, labels}
}

func counter(name, help string, labels ...string) *family {
	return &family{"monitor_" + name, help, counterKind, labels}
}

// send appends one sample. It takes as many values as the family has labels.
func (f *family) send(w *writer, value float64, values ...string) {
	b, begun := w.samples[f]
	if !begun || len(b) == 0 {
		w.order = append(w.order, f)
		b = f.appendHead(b, w.format)
	}
	b = append(b, f.name...)
	for i, label := range f.labels {
		b = append(b, ",{"[btoi(i == 0)])
		b = append(b, label...)
		b = append(b, `="`...)
		b = appendEscaped(b, values[i], true) //nolint:gosec // there are as many values as labels
		b = append(b, '"')
	}
	if len(f.labels) > 0 {
		b = append(b, '}')
	}
	b = append(b, ' ')
	b = appendFloat(b, value, w.format)
	w.samples[f] = append(b, '\n')
}

// appendHead begins the family. OpenMetrics names a counter without _total
// there.
func (f *family) appendHead(b []byte, form format) []byte {
	name := f.name
	if form == openMetrics && f.kind == counterKind {
		name = strings.TrimSuffix(name, "_total")
	}
	b = append(append(append(b, "# HELP "...), name...), ' ')
	b = appendEscaped(b, f.help, form == openMetrics)
	b = append(append(append(b, "\n# TYPE "...), name...), ' ')
	k := f.kind
	if form == openMetrics && k == untypedKind {
		k = "unknown"
	}
	return append(append(b, k...), '\n')
}

// writer collects the samples of each family: the exposition has them side by
// side, while readings have them by processor or mount. It is used again for
// each rendering, so that memory is taken once.
type writer struct {
	format  format
	order   []*family
	samples map[*family][]byte
}

func newWriter(form format) *writer {
	return &writer{format: form, samples: make(map[*family][]byte)}
}

func (w *writer) reset() {
	for _, f := range w.order {
		w.samples[f] = w.samples[f][:0]
	}
	w.order = w.order[:0]
}

// bytes returns a copy of what was sent since the last reset.
func (w *writer) bytes() []byte {
	n := 0
	for _, f := range w.order {
		n += len(w.samples[f])
	}
	b := make([]byte, 0, n)
	for _, f := range w.order {
		b = append(b, w.samples[f]...)
	}
	return b
}

func appendEscaped(b []byte, s string, quotes bool) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			b = append(b, `\\`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '"' && quotes:
			b = append(b, `\"`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendFloat writes a value as client_golang does: OpenMetrics wants a point
// or an exponent in each.
func appendFloat(b []byte, v float64, form format) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case math.IsInf(v, -1):
		return append(b, "-Inf"...)
	}
	n := len(b)
	b = strconv.AppendFloat(b, v, 'g', -1, 64)
	if form == openMetrics && !strings.ContainsAny(string(b[n:]), "e.") {
		b = append(b, ".0"...)
	}
	return b
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
