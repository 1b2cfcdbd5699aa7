package ruletest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// judged is what is known of a group's time.
type judged struct {
	slices counter // how good each was, as it is recorded
	// looks is what the query gives at an instant; nil where events are counted.
	looks func(t time.Duration) []float64
}

// within are the slices that were recorded in (t−w, t].
func (j judged) within(t, w time.Duration) []float64 {
	var all []float64
	for i := j.slices.at(t); i >= 0 && times(i, j.slices.every) > t-w; i-- {
		if v := j.slices.samples[i]; !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	return all
}

// ratio is the share of bad slices; false without any.
func (j judged) ratio(t, w time.Duration) (float64, bool) {
	all := j.within(t, w)
	if len(all) == 0 {
		return 0, false
	}
	return to(1-mean(all), 1e-12), true
}

// newest is how good the slice was that ended at t; false where nothing was said of it.
func (j judged) newest(t time.Duration) (float64, bool) {
	v := j.slices.samples[j.slices.at(t)]
	return v, !math.IsNaN(v)
}

// mean adds what is lost of each sum, as thousands of values are added.
func mean(all []float64) float64 {
	var sum, lost float64
	for _, v := range all {
		next := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			lost += sum - next + v
		} else {
			lost += v - next + sum
		}
		sum = next
	}
	return (sum + lost) / float64(len(all))
}

// queried reports whether time is judged by a query.
func (sh shape) queried() bool { return sh.slo.Slices != nil && sh.slo.Slices.Query != "" }

// excessive is what is not a ratio any more.
func excessive(v float64) bool { return v > exceeding || v < 0 }

// instant is how good an instant is at which the query gives these values; false where
// nothing can be said of it.
func instant(s slo.Slices, values []float64) (float64, bool) {
	numbers := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if s.Op == "" {
		return mean(numbers), len(values) == 1 && len(numbers) == 1 && !excessive(numbers[0])
	}
	good := 0.0
	for _, v := range numbers {
		if s.Op == "<" && v < s.Value || s.Op == "<=" && v <= s.Value || s.Op == ">" && v > s.Value || s.Op == ">=" && v >= s.Value {
			good++
		}
	}
	return good / float64(len(numbers)), len(numbers) > 0
}

// slice is how good the slice of a group was that ended at t; false where nothing can be
// said of it.
func (w world) slice(group int, t time.Duration) (float64, bool) {
	share, ok := w.share(group, t)
	target := w.slo.Slices.Target
	switch {
	case !ok || target == 0:
		return share, ok
	case to(share, 1e-12) >= target:
		return 1, true
	}
	return 0, true
}

// share is how much of that slice was good.
func (w world) share(group int, t time.Duration) (float64, bool) {
	s := *w.slo.Slices
	if s.Query == "" {
		good, haveGood := w.sum(true, group, t, s.Length)
		total, haveTotal := w.sum(false, group, t, s.Length)
		if !haveGood || !haveTotal || total == 0 {
			return 0, false
		}
		return min(1, good/total), true
	}
	var all []float64
	for at := t; at > t-s.Length && at >= 0; at -= look {
		if v, ok := instant(s, w.judged[group].looks(at)); ok {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	share := min(1, mean(all))
	if s.Bad {
		share = 1 - share
	}
	return share, true
}

// judge works out what is recorded of each group's slices: what the input series say, or
// what the plan gives.
func (m *maker) judge(w *world, p plan) error {
	for number, run := range p.runs {
		j := judged{slices: counter{every: m.step()}}
		if !p.raw {
			j.slices.samples = given(run)
		}
		if m.queried() {
			looks, err := m.looks(number, p)
			if err != nil {
				return err
			}
			j.looks = looks
		}
		w.judged = append(w.judged, j)
		if !p.raw {
			continue
		}
		seen := false
		var samples []float64
		for t := time.Duration(0); t <= times(length(run)-1, p.every); t += m.step() {
			v, ok := w.slice(number, t)
			if !ok {
				v = absent()
				if seen {
					v = stale()
				}
			}
			seen = ok
			samples = append(samples, v)
		}
		w.judged[number].slices.samples = samples
	}
	return nil
}

// looks is what the query gives in a group at each look. Of slices that are given it is
// known at evaluations alone.
func (m *maker) looks(number int, p plan) (func(time.Duration) []float64, error) {
	var input []promql.Series
	every, step := m.reads(p), look
	if !p.raw {
		step = p.every
		if slices.ContainsFunc(p.evaluations, func(t time.Duration) bool { return t%p.every > 0 }) {
			step = minute
		}
	}
	for _, in := range m.sampled(p) {
		input = append(input, stored(in.series, every, in.samples))
	}
	found, err := m.probes[number].asked(input, times(length(p.runs[number])-1, p.every), step)
	if err != nil {
		return nil, err
	}
	values := map[int64][]float64{}
	for _, s := range found {
		if within(m.probes[number].group, s.Metric.Map()) {
			for _, f := range s.Floats {
				values[f.T] = append(values[f.T], f.F)
			}
		}
	}
	return func(t time.Duration) []float64 { return values[t.Milliseconds()] }, nil
}

// reads is the interval of what a query reads: that of the plan, unless its ranges would
// hold too few samples.
func (m *maker) reads(p plan) time.Duration {
	if !p.raw && m.queried() && m.probes[0].narrow > 0 && m.probes[0].narrow < 2*p.every {
		return sampling
	}
	return p.every
}

// sampled are the input series of a plan's query.
func (m *maker) sampled(p plan) []sampled {
	var all []sampled
	every := m.reads(p)
	for number, run := range p.runs {
		if !p.raw {
			run = still(run, m.blank)
			for i := range run {
				run[i].steps *= int(p.every / every)
			}
		}
		all = append(all, m.probes[number].inputs(every, run)...)
	}
	return all
}

// spread are the samples of what is recorded, with none between them where a plan's
// query reads more of them.
func (m *maker) spread(p plan, samples []float64) []float64 {
	n := int(p.every / m.reads(p))
	if n == 1 {
		return samples
	}
	var all []float64
	for _, v := range samples {
		all = append(all, v)
		for range n - 1 {
			all = append(all, absent())
		}
	}
	return all
}

// given are slices as a plan gives them, one each interval: as bad as its events are.
func given(run []stretch) []float64 {
	var all []float64
	seen := false
	for _, s := range run {
		for range s.steps {
			v := 1 - s.bad/(s.good+s.bad)
			switch {
			case s.lost:
				v = absent()
			case s.dark || s.good+s.bad == 0:
				v = absent()
				if seen {
					v, seen = stale(), false
				}
			default:
				seen = true
			}
			all = append(all, v)
		}
	}
	return all
}

// still are the same stretches without any event, and where a query gives no number: of
// such slices nothing is recorded, and what is given stands alone.
func still(run []stretch, blank setting) []stretch {
	all := slices.Clone(run)
	for i := range all {
		all[i].good, all[i].bad, all[i].stray, all[i].born = 0, 0, 0, 0
		all[i].setting = blank
	}
	return all
}

// recordedBefore are the series that a plan gives as recorded: slices, and where rules are
// evaluated near the end only, that they were before.
func (m *maker) recordedBefore(w world, p plan) ([]Series, error) {
	var all []Series
	for _, g := range m.groups[:1] {
		for _, r := range g.Rules {
			series := maps.Clone(r.Labels)
			series[model.MetricNameLabel] = r.Record
			switch {
			case r.Record == slo.SeriesSlice:
				for number, group := range w.groups {
					of := maps.Clone(series)
					maps.Copy(of, group)
					all = append(all, Series{notation(of), compact(m.spread(p, w.judged[number].slices.samples))})
				}
			case r.Record == prom.Heartbeat && len(p.evaluations) > 0:
				var at []float64
				for i := 0; times(i, p.every) < p.evaluations[0]; i++ {
					at = append(at, times(i, p.every).Seconds())
				}
				all = append(all, Series{notation(series), compact(m.spread(p, at))})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("case %s: no rule records %s", p.name, slo.SeriesSlice)
	}
	return all, nil
}
