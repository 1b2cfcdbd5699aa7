package prom

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// intervalWindow is how far back Interval looks: at least three samples of anything that
// is scraped once a minute.
const intervalWindow = 5 * time.Minute

// Interval returns how far apart the samples of the selector's series lie: the median
// distance of the slowest series, in whole tenths of a second. It is measured, so that it
// is right on servers that do not publish their configuration. Series with fewer than
// three samples within the last five minutes do not count. It blocks for at most the
// client's timeout. The error wraps ErrNoData when no series counts.
func (c *Client) Interval(ctx context.Context, selector string) (time.Duration, error) {
	expr := fmt.Sprintf("%s[%s]", selector, model.Duration(intervalWindow))
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, _, err := c.api.Query(call, expr, time.Time{})
	if err != nil {
		return 0, c.explain(ctx, expr, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return 0, c.explain(ctx, expr, fmt.Errorf("%w: the answer is a %s and not samples over time", ErrBadQuery, value.Type()))
	}
	slowest := slowestOf(matrix)
	if slowest == 0 {
		return 0, c.explain(ctx, expr, fmt.Errorf("%w: no series has three samples within %s", ErrNoData, intervalWindow))
	}
	return slowest, nil
}

// slowestOf is the greatest of the series' median distances between samples.
func slowestOf(m model.Matrix) (slowest time.Duration) {
	for _, stream := range m {
		var gaps []time.Duration
		for i := 1; i < len(stream.Values); i++ {
			gaps = append(gaps, stream.Values[i].Timestamp.Sub(stream.Values[i-1].Timestamp))
		}
		if len(gaps) < 2 {
			continue
		}
		slices.Sort(gaps)
		slowest = max(slowest, gaps[len(gaps)/2].Round(100*time.Millisecond))
	}
	return slowest
}

// Jobs returns the values that expr wants of the label job, each once, sorted. all is
// true when some selector names no single job, so that it may read any. It returns
// ErrBadQuery when expr does not parse.
func Jobs(expr string) (jobs []string, all bool, err error) {
	tree, err := parse(expr)
	if err != nil {
		return nil, false, err
	}
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		i := slices.IndexFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == "job" && m.Type == labels.MatchEqual })
		if i < 0 {
			all = true
			return nil
		}
		jobs = append(jobs, s.LabelMatchers[i].Value)
		return nil
	})
	slices.Sort(jobs)
	return slices.Compact(jobs), all, nil
}
