package metrics

import (
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
)

// foreign are families of other programs, encoded at the first scrape.
type foreign struct {
	families []*dto.MetricFamily
	encoded  [formats]struct {
		once sync.Once
		list []foreignFamily
	}
}

type foreignFamily struct {
	head string // the name that the exposition has it under
	text []byte
}

// headOf is the name that begins a family: OpenMetrics has counters without
// _total there.
func headOf(name string, counter bool, form format) string {
	if form == openMetrics && counter {
		return strings.TrimSuffix(name, "_total")
	}
	return name
}

func (f *foreign) in(form format) []foreignFamily {
	e := &f.encoded[form]
	e.once.Do(func() {
		for _, family := range f.families {
			text, err := encode(nil, []*dto.MetricFamily{family}, form)
			if err != nil {
				continue // a family that cannot be encoded must not hide the others
			}
			e.list = append(e.list, foreignFamily{headOf(family.GetName(), family.GetType() == dto.MetricType_COUNTER, form), text})
		}
	})
	return e.list
}

// appendTo puts the families behind an exposition. It leaves out a family whose name
// the host's figures have, now or before, or another family has.
func (f *foreign) appendTo(b []byte, w *writer) []byte {
	taken := make(map[string]bool, len(w.samples))
	for own := range w.samples {
		taken[headOf(own.name, own.kind == counterKind, w.format)] = true
	}
	for _, family := range f.in(w.format) {
		if !taken[family.head] {
			taken[family.head] = true
			b = append(b, family.text...)
		}
	}
	return b
}
