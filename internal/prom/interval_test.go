package prom

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// samples lie at these seconds.
func samples(seconds ...float64) *model.SampleStream {
	s := &model.SampleStream{}
	for _, at := range seconds {
		s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(int64(at * 1e9))})
	}
	return s
}

func TestTheIntervalIsThatOfTheSlowestSeries(t *testing.T) {
	for name, tc := range map[string]struct {
		m    model.Matrix
		want time.Duration
	}{
		"one series":                          {model.Matrix{samples(0, 2, 4, 6)}, 2 * time.Second},
		"the slowest of several":              {model.Matrix{samples(0, 2, 4, 6), samples(1, 16, 31)}, 15 * time.Second},
		"a little jitter does not show":       {model.Matrix{samples(0, 2.004, 3.998, 6.01)}, 2 * time.Second},
		"a hole does not show":                {model.Matrix{samples(0, 2, 4, 40, 42, 44)}, 2 * time.Second},
		"half a second is half a second":      {model.Matrix{samples(0, .5, 1, 1.5)}, 500 * time.Millisecond},
		"one that has just begun is left out": {model.Matrix{samples(0, 2, 4), samples(0, 60)}, 2 * time.Second},
		"two samples are too few":             {model.Matrix{samples(0, 2)}, 0},
		"nothing":                             {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := slowestOf(tc.m); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestJobs(t *testing.T) {
	for expr, tc := range map[string]struct {
		jobs []string
		all  bool
	}{
		`sum(rate(probe_requests_total{job="probe",outcome="error"}[1m]))`: {[]string{"probe"}, false},
		`up{job="monitor"} / on () up{job="probe"} + up{job="probe"}`:      {[]string{"monitor", "probe"}, false},
		`up`:                                {nil, true},
		`up{job=~"monitor|probe"}`:          {nil, true},
		`up{job="monitor"} and other{}`:     {[]string{"monitor"}, true},
		`time()`:                            {nil, false},
		`max_over_time(up{job="a"}[5m:1m])`: {[]string{"a"}, false},
	} {
		t.Run(expr, func(t *testing.T) {
			jobs, all, err := Jobs(expr)
			if err != nil || !slices.Equal(jobs, tc.jobs) || all != tc.all {
				t.Errorf("%q, all %t, %v; want %q, %t", jobs, all, err, tc.jobs, tc.all)
			}
		})
	}
	if _, _, err := Jobs("up{"); !errors.Is(err, ErrBadQuery) {
		t.Errorf("what does not parse: %v", err)
	}
}
