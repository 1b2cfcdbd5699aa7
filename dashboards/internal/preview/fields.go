package preview

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// sample is one value at one time.
type sample = prom.Sample

// field is one series with its name and look.
type field struct {
	name   string
	named  bool // by the panel, and not by its query alone
	points []sample
	look   look
}

// fields are the series of all queries of a panel, in their order.
func (p *panel) fields() ([]field, error) {
	var out []field
	for _, a := range p.answers {
		for _, s := range a.series {
			name := legend(a.target, s.Labels)
			l, err := lookOf(p.Fields, name)
			if err != nil {
				return nil, err
			}
			f := field{name: name, points: s.Points, look: l}
			if l.Name != "" {
				f.named, f.name = true, labelled(l.Name, s.Labels)
			}
			out = append(out, f)
		}
	}
	return out, nil
}

// inLegend is a label in the name of a series.
var inLegend = regexp.MustCompile(`\{\{\s*(.+?)\s*\}\}`)

// legend is the name of a series: as its query says, or else all of its labels.
func legend(t lint.Target, labels map[string]string) string {
	if t.Legend != "" && t.Legend != "__auto" {
		return strings.TrimSpace(inLegend.ReplaceAllStringFunc(t.Legend, func(use string) string {
			return labels[inLegend.FindStringSubmatch(use)[1]]
		}))
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			parts = append(parts, name+"="+strconv.Quote(labels[name]))
		}
	}
	if len(parts) == 0 {
		if name := labels["__name__"]; name != "" {
			return name
		}
		return "Value"
	}
	return labels["__name__"] + "{" + strings.Join(parts, ", ") + "}"
}

// labelled is a name with the values of labels in the place of ${__field.labels.…}.
func labelled(name string, labels map[string]string) string {
	return replaced(name, func(variable, path, _ string) (string, bool) {
		label, ok := strings.CutPrefix(path, "labels.")
		return labels[label], variable == "__field" && ok
	})
}

// last is the last value that is a number, as tiles, gauges and bars show it.
func (f field) last() (float64, bool) {
	for _, p := range slices.Backward(f.points) {
		if p.V == p.V { //nolint:gocritic // NaN is not a number
			return p.V, true
		}
	}
	return 0, false
}
