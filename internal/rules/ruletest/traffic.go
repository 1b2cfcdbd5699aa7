package ruletest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/ballast-sre/ballast/internal/slo"
)

// stretch is what happens to the events of an SLO for some intervals.
type stretch struct {
	steps     int
	good, bad float64 // events each interval
	stray     float64 // good events that are not among all, each interval
	born      float64 // bad events that counters hold when the stretch begins
	fresh     bool    // counters begin anew at 0
	dark      bool    // scrapes find nothing that counts the events
	down      bool    // scrapes fail
	lost      bool    // there are no scrapes
	goodless  bool    // there is no series of good events
	flawless  bool    // there is no series of bad events, where they have one
	// What a query reads; nil where that is not there. second is what further sets of its
	// series are set to, of which there are so many; 0 stands for one.
	setting, second setting
	seconds         int
}

// further is how many sets of a query's series there are beside the first.
func further(run []stretch) int {
	n := 0
	for _, s := range run {
		if s.second != nil {
			n = max(n, s.seconds, 1)
		}
	}
	return n
}

// shape is how the selectors of an SLO lie to each other, and what they select.
type shape struct {
	slo         slo.SLO
	good, total []*labels.Matcher // of events; nil where a query is measured
	selectors   [][]*labels.Matcher
	// nested is true where good events are a series of all: the total is the sum of that
	// and of one of the bad events. Otherwise each selector has a series of its own.
	nested bool
	up     map[string]string // the series up; nil without a job
}

func shapeOf(s slo.SLO) (shape, error) {
	if s.Slices != nil && s.Slices.Query != "" {
		all, _, err := readsOf(s.Slices.Query)
		sh := shape{slo: s}
		for _, r := range all {
			sh.selectors = append(sh.selectors, r.matchers)
		}
		return sh, err
	}
	good, err := matchersOf(s.Good)
	if err != nil {
		return shape{}, err
	}
	total, err := matchersOf(s.Total)
	if err != nil {
		return shape{}, err
	}
	sh := shape{slo: s, good: good, total: total, selectors: [][]*labels.Matcher{good, total}}
	_, sh.nested = selected(slices.Concat(good, total), nil, nil)
	for _, m := range total {
		if m.Name == model.JobLabel && m.Type == labels.MatchEqual {
			sh.up = map[string]string{model.MetricNameLabel: "up", model.JobLabel: m.Value}
		}
	}
	return sh, nil
}

// group are the labels by which the SLO is grouped, in its group of that number; false
// where the selectors allow fewer groups.
func (sh shape) group(number int) (map[string]string, bool) {
	group := map[string]string{}
	all := candidates(slices.Concat(sh.selectors...), nil)
	for _, name := range sh.slo.GroupBy {
		options := slices.DeleteFunc(append(all[name], "one", "two"), func(v string) bool {
			refused := slices.ContainsFunc(sh.selectors, func(selector []*labels.Matcher) bool { return !allows(selector, name, v) })
			return v == "" || v == "other" || v == "0" || refused
		})
		options = slices.Compact(options)
		if len(options) == 0 {
			return nil, false
		}
		group[name] = options[number%len(options)]
		if number >= len(options) {
			return nil, false
		}
	}
	return group, number == 0 || len(group) > 0
}

// input is an input series, and what of the SLO it counts.
type input struct {
	counter
	series      map[string]string
	good, total bool
	group       int
}

// counters are the series of a group's events.
func (sh shape) counters(number int, every time.Duration, run []stretch) ([]input, error) {
	fixed, _ := sh.group(number)
	var all []input
	add := func(good, total bool, want, avoid []*labels.Matcher, count func(good, bad, stray float64) float64, there func(stretch) bool) error {
		series, ok := selected(want, avoid, fixed)
		if !ok {
			return fmt.Errorf("%w: %s selects none that %s does not select, too; simplify the selectors", ErrNoSeries, written(want), written(avoid))
		}
		c := input{counter{every, samples(run, count, there)}, series, good, total, number}
		if slices.ContainsFunc(c.samples, func(v float64) bool { return !math.IsNaN(v) }) {
			all = append(all, c)
		}
		return nil
	}
	hasGood := func(s stretch) bool { return !s.dark && !s.goodless }
	if !sh.nested {
		err := add(true, false, sh.good, sh.total, func(good, _, stray float64) float64 { return good + stray }, hasGood)
		if err != nil {
			return nil, err
		}
		return all, add(false, true, sh.total, sh.good, func(good, bad, _ float64) float64 { return good + bad }, func(s stretch) bool { return !s.dark })
	}
	err := add(true, true, slices.Concat(sh.good, sh.total), nil, func(good, _, _ float64) float64 { return good }, hasGood)
	if err != nil {
		return nil, err
	}
	err = add(false, true, sh.total, sh.good, func(_, bad, _ float64) float64 { return bad }, func(s stretch) bool { return !s.dark && !s.flawless })
	if err != nil || !slices.ContainsFunc(run, func(s stretch) bool { return s.stray > 0 }) {
		return all, err
	}
	return all, add(true, false, sh.good, sh.total, func(_, _, stray float64) float64 { return stray }, func(s stretch) bool { return !s.dark })
}

// canStray reports whether there may be good events that are not among all.
func (sh shape) canStray() bool {
	_, ok := selected(sh.good, sh.total, nil)
	return ok
}

// samples are those of a series that counts events while it is there.
func samples(run []stretch, count func(good, bad, stray float64) float64, there func(stretch) bool) []float64 {
	var all []float64
	var good, bad, stray float64
	seen := false
	for i, s := range run {
		for n := range s.steps {
			if n == 0 && s.fresh {
				good, bad, stray = 0, 0, 0
			}
			if n == 0 {
				bad += s.born
			}
			if i+n > 0 {
				good, bad, stray = good+s.good, bad+s.bad, stray+s.stray
			}
			switch {
			case s.lost:
				all = append(all, absent())
			case there(s):
				all, seen = append(all, count(good, bad, stray)), true
			case seen:
				all, seen = append(all, stale()), false
			default:
				all = append(all, absent())
			}
		}
	}
	return all
}

// ups are the samples of the series up.
func ups(run []stretch) []float64 {
	var all []float64
	for _, s := range run {
		up := 1.0
		if s.down {
			up = 0
		}
		for range s.steps {
			all = append(all, up)
		}
	}
	return all
}

// compact writes samples in promtool's notation.
func compact(samples []float64) string {
	var words []string
	for i := 0; i < len(samples); {
		v, n := samples[i], 1
		switch {
		case value.IsStaleNaN(v):
			words = append(words, "stale")
		case math.IsInf(v, -1):
			for i+n < len(samples) && math.IsInf(samples[i+n], -1) {
				n++
			}
			words = append(words, fmt.Sprintf("-Inf+0x%d", n-1))
		case isNoNumber(v):
			for i+n < len(samples) && isNoNumber(samples[i+n]) {
				n++
			}
			words = append(words, fmt.Sprintf("NaN+0x%d", n-1))
		case isAbsent(v):
			for i+n < len(samples) && isAbsent(samples[i+n]) {
				n++
			}
			words = append(words, fmt.Sprintf("_x%d", n))
		default:
			by := 0.0
			if i+1 < len(samples) {
				by = samples[i+1] - v
			}
			// promtool adds step by step, too, so that fractions come out the same.
			for next := v + by; i+n < len(samples) && samples[i+n] == next; next += by {
				n++
			}
			if n == 2 && by != 0 {
				n = 1 // two values are easier to read as they are
			}
			words = append(words, run(v, by, n))
		}
		i += n
	}
	return strings.Join(words, " ")
}

func run(v, by float64, n int) string {
	switch {
	case n == 1:
		return plain(v)
	case by == 0:
		return fmt.Sprintf("%sx%d", plain(v), n-1)
	}
	sign := "+"
	if by < 0 {
		sign = ""
	}
	return fmt.Sprintf("%s%s%sx%d", plain(v), sign, plain(by), n-1)
}

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
