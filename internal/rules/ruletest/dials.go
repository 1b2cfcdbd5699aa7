package ruletest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// sampling is the interval of samples where a query, or the rates within a slice, read
// them: a few in each slice.
const sampling = 20 * time.Second

// farthest is how far a query may look back for tests to be made of it.
const farthest = 6 * time.Hour

// dial is what can be set of a query's input: the value of a gauge, how much a counter
// grows each second, or how slow what a histogram observes is.
type dial struct {
	series []map[string]string
	counts bool // the series are counters
	bounds []float64
}

// setting is what each dial is set to; nil where nothing is there.
type setting []float64

// probe is the input of a query, and how it can be set.
type probe struct {
	query
	dials  []dial
	reach  time.Duration // how long a change is seen by the query
	narrow time.Duration // the shortest of its ranges; 0 for none
}

// observed is how many values a histogram observes each second.
const observed = 100

// levels are the value of a gauge, or by how much each of the series grows a second. A
// histogram that is set below 0 observes nothing.
func (d dial) levels(set float64) []float64 {
	switch {
	case d.bounds == nil:
		return []float64{set}
	case set < 0:
		return make([]float64, len(d.series))
	}
	// Between two whole numbers, some of the values lie in the next bucket.
	within, rest := math.Modf(set)
	var all []float64
	for i := range d.series {
		below := 0.0
		switch n := float64(i); {
		case n > within:
			below = observed
		case n == within:
			below = observed * (1 - rest)
		}
		all = append(all, below)
	}
	return all
}

// newProbe finds series that the query reads in a group, which has these labels. value is
// what it is compared with, if anything.
func newProbe(q query, value float64, fixed map[string]string) (*probe, error) {
	all, reach, err := readsOf(q.text)
	if err != nil {
		return nil, err
	}
	narrow := time.Duration(0)
	for _, r := range all {
		if r.over > 0 && (narrow == 0 || r.over < narrow) {
			narrow = r.over
		}
	}
	if reach > farthest {
		return nil, fmt.Errorf("%w: %s looks back for %s, and no more than %s can be tested", ErrNoSeries, q.text, brief(reach), brief(farthest))
	}
	q.group = fixed
	p := &probe{query: q, reach: reach, narrow: narrow}
	known := map[string]bool{}
	for i, r := range all {
		var avoid []*labels.Matcher
		for j, other := range all {
			if i != j && written(other.matchers) != written(r.matchers) {
				avoid = other.matchers
			}
		}
		d, ok := dialOf(r, avoid, value, fixed)
		if !ok {
			d, ok = dialOf(r, nil, value, fixed)
		}
		if !ok {
			return nil, fmt.Errorf("%w: %s selects none; simplify it", ErrNoSeries, written(r.matchers))
		}
		if key := notation(d.series[0]); !known[key] {
			known[key] = true
			p.dials = append(p.dials, d)
		}
	}
	return p, nil
}

func dialOf(r reads, avoid []*labels.Matcher, value float64, fixed map[string]string) (dial, bool) {
	d := dial{counts: r.counts}
	texts := []string{""}
	if r.histogram {
		texts = nil
		for _, share := range []float64{0.5, below, 1, above, 2} {
			text := strconv.FormatFloat(share*value, 'g', 6, 64)
			bound, err := strconv.ParseFloat(text, 64)
			if err != nil || bound <= 0 {
				return dial{}, false
			}
			texts, d.bounds = append(texts, text), append(d.bounds, bound)
		}
		texts = append(texts, "+Inf")
	}
	for _, le := range texts {
		having := map[string]string{}
		maps.Copy(having, fixed)
		if le != "" {
			having[model.BucketLabel] = le
		}
		series, ok := selected(r.matchers, avoid, having)
		if !ok {
			return dial{}, false
		}
		d.series = append(d.series, series)
	}
	return d, true
}

// samples are those of one series of a dial: in the first set, which has number 0, or a
// further one.
func (p *probe) samples(dial, series int, every time.Duration, run []stretch, number int) []float64 {
	d := p.dials[dial]
	var all []float64
	var total float64
	there := false
	for i, s := range run {
		set := s.setting
		switch {
		case number > max(1, s.seconds):
			set = nil
		case number > 0:
			set = s.second
		}
		if s.fresh {
			total = 0
		}
		total += s.born
		level := 0.0
		if set != nil {
			level = d.levels(set[dial])[series]
		}
		for n := range s.steps {
			v := level
			if d.counts && !isNoNumber(level) {
				if i+n > 0 {
					total += v * every.Seconds()
				}
				v = total
			}
			switch {
			case s.lost:
				v = absent()
			case set != nil && !s.dark:
				there = true
			case there:
				v, there = stale(), false
			default:
				v = absent()
			}
			all = append(all, v)
		}
	}
	return all
}

// sampled is a series of a query's input.
type sampled struct {
	series  map[string]string
	samples []float64
}

// inputs are the series of a run, without those that are never there.
func (p *probe) inputs(every time.Duration, run []stretch) []sampled {
	var all []sampled
	for number := range further(run) + 1 {
		for i, d := range p.dials {
			for n, series := range d.series {
				s := sampled{series, p.samples(i, n, every, run, number)}
				if number > 0 {
					s.series = maps.Clone(series)
					s.series[furtherLabel] = strconv.Itoa(number)
				}
				if slices.ContainsFunc(s.samples, func(v float64) bool { return !isAbsent(v) }) {
					all = append(all, s)
				}
			}
		}
	}
	return all
}

// furtherLabel tells further series from the first.
const furtherLabel = "replica"

// settles is how many intervals pass until the query gives what a setting is.
func (p *probe) settles(every time.Duration) int { return int((p.reach+every-1)/every) + 1 }

// steady is what the query gives once the states have lasted.
func (p *probe) steady(s, second setting) []float64 {
	n := p.settles(sampling) + 1
	run := []stretch{{steps: n + 1, setting: s, second: second}}
	var input []promql.Series
	for _, in := range p.inputs(sampling, run) {
		input = append(input, stored(in.series, sampling, in.samples))
	}
	given, err := p.at(input, times(n, sampling))
	if err != nil {
		return nil
	}
	return given
}
