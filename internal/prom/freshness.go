package prom

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// watch is the selectors of one expression that have to be fresh.
type watch []selector

// selectorLabel tells the answers about the selectors apart.
const selectorLabel = "ballast_selector"

// query asks for the time of every selector's newest sample in one query; empty
// when there is no selector.
func (w watch) query() string {
	var b strings.Builder
	for i, s := range w {
		if i > 0 {
			b.WriteString(" or ")
		}
		fmt.Fprintf(&b, `label_replace(max(timestamp(%s)), %q, "%d", "", "")`, s.expr, selectorLabel, i)
	}
	return b.String()
}

// index is which selector an answer is about.
func (w watch) index(m model.Metric) (int, error) {
	i, err := strconv.Atoi(string(m[selectorLabel]))
	if err != nil || i < 0 || i >= len(w) {
		return 0, fmt.Errorf("the answer to the query of ages holds the series %s, which was not asked for", m)
	}
	return i, nil
}

// checkNow judges an instant answer: ErrNoData when a selector has no sample,
// ErrStale when one is older than maxAge.
func (w watch) checkNow(v model.Value, maxAge time.Duration) error {
	if len(w) == 0 {
		return nil
	}
	answer, ok := v.(model.Vector)
	if !ok {
		return fmt.Errorf("the answer to the query of ages is a %T", v)
	}
	newest := make([]*model.Sample, len(w))
	for _, s := range answer {
		i, err := w.index(s.Metric)
		if err != nil {
			return err
		}
		newest[i] = s
	}
	var stale error
	for i, s := range newest {
		if s == nil {
			return fmt.Errorf("%w: %s has no sample", ErrNoData, w[i].expr)
		}
		t := s.Timestamp
		if age := w[i].reference(t, t, t).Sub(seconds(s.Value)); age > maxAge && stale == nil {
			stale = fmt.Errorf("%w: that of %s is %s old, %s are allowed", ErrStale, w[i].expr, age, maxAge)
		}
	}
	return stale
}

// keep returns which steps of a range can be trusted: those at which every
// selector has a sample that is at most maxAge old.
func (w watch) keep(v model.Value, win Window, maxAge time.Duration) (func(model.Time) bool, error) {
	if len(w) == 0 {
		return func(model.Time) bool { return true }, nil
	}
	answer, ok := v.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("the answer to the query of ages is a %T", v)
	}
	start, end := model.TimeFromUnixNano(win.Start.UnixNano()), model.TimeFromUnixNano(win.End.UnixNano())
	fresh := map[model.Time]int{}
	for _, stream := range answer {
		i, err := w.index(stream.Metric)
		if err != nil {
			return nil, err
		}
		for _, p := range stream.Values {
			if w[i].reference(p.Timestamp, start, end).Sub(seconds(p.Value)) <= maxAge {
				fresh[p.Timestamp]++
			}
		}
	}
	return func(t model.Time) bool { return fresh[t] == len(w) }, nil
}

// seconds is a value of timestamp() as a time, to the millisecond.
func seconds(v model.SampleValue) model.Time {
	return model.Time(int64(float64(v)*1000 + 0.5))
}
