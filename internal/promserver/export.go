package promserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/ballast-sre/ballast/internal/prom"
)

// Export writes all samples from one time to another, both included, in the text format of
// OpenMetrics, series by series and in milliseconds: as `promtool tsdb create-blocks-from
// openmetrics` and ReadSamples read it. A NaN marks the end of a series, for which the format
// has no marker; other NaNs are written the same way. It blocks until all is written or ctx
// ends.
func (s *Server) Export(ctx context.Context, w io.Writer, from, to time.Time) error {
	if !s.gate.hold() {
		return fmt.Errorf("export: %w", errClosed)
	}
	defer s.gate.release()
	q, err := s.db.Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer q.Close() //nolint:errcheck // nothing was written through it
	// Sorted, the series of one name follow each other, which the format wants.
	set := q.Select(ctx, true, nil, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, ""))
	out := bufio.NewWriter(w)
	var it chunkenc.Iterator
	for set.Next() {
		name := openMetric(set.At().Labels())
		it = set.At().Iterator(it)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			if kind != chunkenc.ValFloat {
				return fmt.Errorf("export of %s: it is a native histogram, which the text format cannot hold", name)
			}
			t, v := it.At()
			// What cannot be written is returned by Flush.
			fmt.Fprintf(out, "%s %s %d.%03d\n", name, strconv.FormatFloat(v, 'g', -1, 64), t/1000, t%1000)
		}
		if err := errors.Join(it.Err(), ctx.Err()); err != nil {
			return fmt.Errorf("export of %s: %w", name, err)
		}
	}
	fmt.Fprintln(out, "# EOF")
	if err := errors.Join(set.Err(), out.Flush()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// openMetric writes the labels of a series as OpenMetrics has them.
func openMetric(ls labels.Labels) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var pairs []string
	ls.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel {
			pairs = append(pairs, l.Name+`="`+escape.Replace(l.Value)+`"`)
		}
	})
	if len(pairs) == 0 {
		return ls.Get(model.MetricNameLabel)
	}
	return ls.Get(model.MetricNameLabel) + "{" + strings.Join(pairs, ",") + "}"
}

// ReadSamples reads the output of Export. Series are in the order of the text, and the points
// of each are ascending. A sample without a time, a time that is not after the one before, and
// a missing end, as in a truncated file, are errors.
func ReadSamples(text []byte) ([]prom.Series, error) {
	p, err := textparse.New(text, "application/openmetrics-text", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	var all []prom.Series
	at := map[string]int{}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read samples: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var ls labels.Labels
		p.Labels(&ls)
		name, when, v := p.Series()
		if when == nil {
			return nil, fmt.Errorf("read samples: %s has a value without a time; give a file that `ballast run --samples` wrote", name)
		}
		if !ls.Has(model.MetricNameLabel) {
			return nil, fmt.Errorf("read samples: %s has no name", name)
		}
		if math.IsNaN(v) {
			v = math.Float64frombits(value.StaleNaN)
		}
		i, known := at[string(name)]
		if !known {
			i = len(all)
			at[string(name)] = i
			all = append(all, prom.Series{Labels: ls.Map()})
		}
		point := prom.Sample{T: time.UnixMilli(*when), V: v}
		if n := len(all[i].Points); n > 0 && !point.T.After(all[i].Points[n-1].T) {
			return nil, fmt.Errorf("read samples: the sample of %s at %d ms is not after the one before it; give a file that `ballast run --samples` wrote", name, *when)
		}
		all[i].Points = append(all[i].Points, point)
	}
}
