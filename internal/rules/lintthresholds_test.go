package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/slo"
)

func TestThresholdsThatTheLeastNumberOfBadSlicesHides(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		name      string
		objective float64
		length    time.Duration
		least     int
		want      string // empty for no finding
	}{
		{"slices of a minute, of which an hour has enough", 0.999, minute, 0, ""},
		{
			"slices of five minutes, of which pages see too few", 0.999, 5 * minute, 0,
			"1 bad slice, without which no tier fires, is more than the threshold of page-fast (8.33% of the 12 in 1h, against 1.44%) and of page-slow (1.39% of the 72 in 6h, against 0.6%), " +
				"so that the burn rate there decides nothing; take slices of at most 1m, or an objective of at most 99.71%",
		},
		{
			"an objective too high for any slice", 0.9997, minute, 0,
			"1 bad slice, without which no tier fires, is more than the threshold of page-fast (1.67% of the 60 in 1h, against 0.432%), so that the burn rate there decides nothing; take an objective of at most 99.94%",
		},
		{
			"a least number that is too high", 0.999, minute, 3,
			"3 bad slices, without which no tier fires, are more than the threshold of page-fast (5% of the 60 in 1h, against 1.44%) and of page-slow (0.83% of the 360 in 6h, against 0.6%), " +
				"so that the burn rate there decides nothing; take ballast.dev/min-bad-events of at most 1, or an objective of at most 99.71%",
		},
		{
			"a least number that no hour has", 0.99, 5 * minute, 13,
			"13 bad slices, without which no tier fires, are more than the threshold of page-fast (more than all of the 12 in 1h, against 14.4%) and of page-slow (18.06% of the 72 in 6h, against 6%) " +
				"and of ticket-fast (4.51% of the 288 in 1d, against 3%) and of ticket-slow (1.5% of the 864 in 3d, against 1%), so that the burn rate there decides nothing; take ballast.dev/min-bad-events of at most 2",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := slicesOfEvents()
			s.Objective, s.MinBadEvents = tt.objective, tt.least
			s.Slices.Length = tt.length
			var l linter
			l.thresholds(s)
			var got string
			for _, p := range l.problems {
				got += p.Message
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the finding says to change is enough, and one step less is not.
func TestWhatLetsThresholdsDecide(t *testing.T) {
	s := slicesOfEvents()
	s.Slices.Length = 5 * time.Minute
	decide := func(objective float64) bool {
		s.Objective = objective
		for _, w := range s.Burns() {
			if !s.Decides(w) {
				return false
			}
		}
		return true
	}
	if !decide(0.9971) || decide(0.9972) {
		t.Error("99.71% is not the highest objective at which all thresholds decide")
	}
	var event slo.SLO
	event.Objective, event.Window = 0.9999, 30*24*time.Hour
	var l linter
	if l.thresholds(event); len(l.problems) > 0 {
		t.Errorf("events are not slices: %v", l.problems)
	}
}
