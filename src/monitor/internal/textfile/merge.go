package textfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// The families that the monitor makes itself, about the files. No file may have them.
const (
	errorName    = "node_textfile_scrape_error"
	modifiedName = "node_textfile_mtime_seconds"
)

// merge returns the families of all files, sorted by name. Of a family that two
// files have, both give series; type and help are those of the first file. A
// family of another type, and a series that was read already, are left out.
func merge(files []file) (families []*dto.MetricFamily, problems []problem) {
	all := make(map[string]*dto.MetricFamily)
	seen := make(map[string]bool)
	for _, f := range files {
		complain := func(format string, args ...any) {
			problems = append(problems, problem{f.path, fmt.Errorf(format, args...)})
		}
		for _, name := range slices.Sorted(maps.Keys(f.families)) {
			family := f.families[name]
			if name == errorName || name == modifiedName {
				complain("it has %s, which the monitor makes itself: that family is left out", name)
				continue
			}
			into, ok := all[name]
			if !ok {
				into = &dto.MetricFamily{Name: family.Name, Type: family.Type, Help: family.Help}
				if into.Help == nil {
					into.Help = new("Metric read from " + strings.ToValidUTF8(f.path, "�"))
				}
			}
			if into.GetType() != family.GetType() {
				complain("%s is a %s here and a %s in an earlier file: the later one is left out",
					name, strings.ToLower(family.GetType().String()), strings.ToLower(into.GetType().String()))
				continue
			}
			twice := 0
			for _, m := range family.GetMetric() {
				key := keyOf(name, m)
				if seen[key] {
					twice++
					continue
				}
				seen[key] = true
				into.Metric = append(into.Metric, m)
			}
			if twice > 0 {
				complain("%d series of %s are in an earlier file or line already: the later ones are left out", twice, name)
			}
			if len(into.GetMetric()) > 0 {
				all[name] = into
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		families = append(families, all[name])
	}
	return families, problems
}

// keyOf names a series. Labels are in the order of the file.
func keyOf(name string, m *dto.Metric) string {
	labels := slices.SortedFunc(slices.Values(m.GetLabel()), func(a, b *dto.LabelPair) int {
		return strings.Compare(a.GetName(), b.GetName())
	})
	var b strings.Builder
	b.WriteString(name)
	for _, l := range labels {
		fmt.Fprintf(&b, "\x00%s\x00%s", l.GetName(), l.GetValue())
	}
	return b.String()
}

// states returns the families about the files: whether all could be read, and their ages.
func states(files []file, failed bool) []*dto.MetricFamily {
	value := 0.0
	if failed {
		value = 1
	}
	list := []*dto.MetricFamily{{
		Name: new(errorName), Help: new("1 if a file could not be read, or something of it was left out."), Type: dto.MetricType_GAUGE.Enum(),
		Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &value}}},
	}}
	if len(files) == 0 {
		return list
	}
	times := &dto.MetricFamily{Name: new(modifiedName), Help: new("When a file was written, in seconds since 1970."), Type: dto.MetricType_GAUGE.Enum()}
	for _, f := range files {
		times.Metric = append(times.Metric, &dto.Metric{
			Label: []*dto.LabelPair{{Name: new("file"), Value: new(strings.ToValidUTF8(f.path, "�"))}},
			Gauge: &dto.Gauge{Value: &f.modified},
		})
	}
	return append(list, times)
}
