package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// exposition is what the programs of this repository export, by metric name.
type exposition struct {
	series map[string][]labels.Labels
	types  map[string]model.MetricType // by the name in a TYPE line
}

// notScraped is the monitor's figures by node_exporter's names, which the chart
// scrapes only where it is asked to: elsewhere a rule would find nothing of it.
const notScraped = "node.prom"

// readExpositions reads the golden .prom files of dir in the text format. A
// missing directory, or one without such files, is an empty exposition.
func readExpositions(dir string) (exposition, error) {
	files, err := withSuffix(dir, ".prom")
	if err != nil {
		return exposition{}, fmt.Errorf("find expositions: %w", err)
	}
	known := exposition{map[string][]labels.Labels{}, map[string]model.MetricType{}}
	for _, file := range files {
		if filepath.Base(file) == notScraped {
			continue
		}
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return exposition{}, fmt.Errorf("read exposition: %w", err)
		}
		if err := known.add(content); err != nil {
			return exposition{}, fmt.Errorf("read exposition %s: %w", file, err)
		}
	}
	return known, nil
}

// withSuffix lists the files of dir whose name ends so, in the order of their
// names; none when there is no such directory.
func withSuffix(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if !entry.IsDir() && strings.HasSuffix(entry.Name(), suffix) && !strings.HasPrefix(entry.Name(), ".") {
			files = append(files, filepath.Join(dir, entry.Name()))
		}
	}
	return files, nil
}

func (e exposition) add(content []byte) error {
	p, err := textparse.New(content, "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if p == nil {
		return err
	}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry == textparse.EntryType {
			name, of := p.Type()
			e.types[string(name)] = of
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var ls labels.Labels
		p.Labels(&ls)
		name := ls.Get(model.MetricNameLabel)
		e.series[name] = append(e.series[name], ls)
	}
}

// matches reports whether a selector finds a series of the exposition. Labels that
// a scrape adds are not in an exposition, so matchers of labels that no series
// of the metric has only count against it when they cannot come from a scrape.
func (e exposition) matches(matchers []*labels.Matcher) bool {
	name := nameOf(matchers)
	for _, ls := range e.series[name] {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
			return !targetLabel(m.Name) && !m.Matches(ls.Get(m.Name))
		}) {
			return true
		}
	}
	return false
}

// counts reports whether a metric only grows, as far as its type is known.
func (e exposition) counts(name string) bool {
	of, known := e.types[name]
	if !known {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && !known {
				of, known = e.types[base]
			}
		}
	}
	return !known || of != model.MetricTypeGauge && of != model.MetricTypeGaugeHistogram
}

// highestBound is the highest bound of a histogram's buckets that is a number; false where
// there is none.
func (e exposition) highestBound(name string) (highest float64, found bool) {
	for _, ls := range e.series[name] {
		bound, err := strconv.ParseFloat(ls.Get(model.BucketLabel), 64)
		if err == nil && !math.IsInf(bound, 0) && (!found || bound > highest) {
			highest, found = bound, true
		}
	}
	return highest, found
}

// targetLabel reports whether a label comes from the scrape, not from the program.
func targetLabel(name string) bool {
	switch name {
	case "job", "instance", "namespace", "pod", "container", "service", "node", "cluster", "endpoint":
		return true
	}
	return false
}
