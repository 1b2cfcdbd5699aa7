package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

// thresholds looks for tiers that fire as soon as the least number of slices is bad: so many
// are above the threshold of the long window, whatever the burn rate.
func (l *linter) thresholds(s slo.SLO) {
	var hidden []string
	for _, w := range s.Burns() {
		if !s.Decides(w) {
			all := s.Slices.In(w.Long)
			hidden = append(hidden, fmt.Sprintf("%s (%s of the %d in %s, against %s)",
				w.Tier, share(float64(s.LeastBad()), float64(all)), all, window(w.Long), percent(round(w.Threshold(s.Objective), 6))))
		}
	}
	if len(hidden) == 0 {
		return
	}
	least := "1 bad slice, without which no tier fires, is"
	if n := s.LeastBad(); n > 1 {
		least = fmt.Sprintf("%d bad slices, without which no tier fires, are", n)
	}
	l.problem(s.File, s.Line, "spec.objectives", "%s more than the threshold of %s, so that the burn rate there decides nothing; take %s",
		least, strings.Join(hidden, " and of "), strings.Join(deciding(s), ", or "))
}

// deciding are changes of an SLO on time, after each of which all its thresholds decide.
func deciding(s slo.SLO) []string {
	decides := func(change func(*slo.SLO)) bool {
		changed, cut := s, *s.Slices
		changed.Slices = &cut
		change(&changed)
		return !slices.ContainsFunc(changed.Burns(), func(w slo.BurnWindow) bool { return !changed.Decides(w) })
	}
	var all []string
	for least := min(s.LeastBad()-1, s.Slices.In(s.Window)); least > 0; least-- {
		if decides(func(s *slo.SLO) { s.MinBadEvents = least }) {
			all = append(all, fmt.Sprintf("ballast.dev/min-bad-events of at most %d", least))
			break
		}
	}
	for length := s.Slices.Length - time.Minute; length > 0; length -= time.Minute {
		if decides(func(s *slo.SLO) { s.Slices.Length = length }) {
			all = append(all, "slices of at most "+window(length))
			break
		}
	}
	const parts = 1e4 // of an objective
	for n := math.Ceil(s.Objective*parts) - 1; n > 0; n-- {
		if decides(func(s *slo.SLO) { s.Objective = n / parts }) {
			all = append(all, "an objective of at most "+percent(n/parts))
			break
		}
	}
	if len(all) == 0 {
		return []string{"a lower ballast.dev/min-bad-events and a lower objective"}
	}
	return all
}
