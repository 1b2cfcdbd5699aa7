package judge

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Hold returns how long a fault is held that has shown at T1: until least, and on
// until most as long as an expected alert may still fire in time. A control run
// expects none.
func Hold(x *result.Spec, m result.Moments) (least, most time.Time) {
	least = m.T1.Add(x.Timing.Observe.Duration())
	most = least
	if x.Control {
		return least, most
	}
	for _, e := range x.Expect {
		if bound := m.T0.Add(e.Within.Duration()); bound.After(most) {
			most = bound
		}
	}
	return least, most
}

// LongestHold is how long after t0 a fault is removed at the latest.
func LongestHold(x *result.Spec) time.Duration {
	longest := x.Timing.Confirm.Duration() + x.Timing.Observe.Duration()
	for _, e := range x.Expect {
		longest = max(longest, e.Within.Duration())
	}
	return longest
}

// Waiting says whether, at now, an expected alert that has not fired may still do so
// in time. fired says whether a match was seen to fire since t0.
func Waiting(x *result.Spec, m result.Moments, now time.Time, fired func(result.AlertMatch) bool) bool {
	if x.Control {
		return false
	}
	for _, e := range x.Expect {
		if !fired(e.Match) && now.Before(m.T0.Add(e.Within.Duration())) {
			return true
		}
	}
	return false
}

// TooShort says what cannot be judged in the time that is given on this target, and
// what would do: phases that are too short for its scrape interval, and alerts that
// cannot fire before their bound or the end of the faults. Baseline and recovery are
// never among them: they are lengthened.
func TooShort(x *result.Spec) []string {
	var out []string
	t := x.Timing
	scrape := t.Scrape.Duration()
	if least := 2 * scrape; len(x.Values) > 0 && t.Observe.Duration() < least {
		out = append(out, fmt.Sprintf("observe is %s; %s needs at least %s, two scrapes of %s, to be seen under fault", t.Observe.Duration(), x.Values[0].Name, least, scrape))
	}
	if x.Control {
		return out
	}
	for _, e := range x.Expect {
		if why := tooShortFor(t, e); why != "" {
			out = append(out, "alert "+e.Name+" "+why)
		}
	}
	return out
}

func tooShortFor(t result.Timing, e result.ExpectedAlert) string {
	if e.Within == 0 {
		why := e.Unpredictable
		if why == "" {
			why = "nothing predicts when it fires"
		}
		return fmt.Sprintf("has no bound: %s; give within", why)
	}
	scrape, within := t.Scrape.Duration(), e.Within.Duration()
	if least := 2*scrape + t.Evaluation.Duration(); within < least {
		return fmt.Sprintf("is given %s to fire; it needs at least %s: two scrapes of %s and one evaluation of %s",
			within, least, scrape, t.Evaluation.Duration())
	}
	if e.Forecast == nil {
		return ""
	}
	earliest := e.Forecast.Earliest.Duration()
	if within < earliest {
		return fmt.Sprintf("is given %s to fire; even in a full outage its rule needs %s here: lengthen within or leave it out", within, tenths(earliest))
	}
	if ends := t.FaultsEnd.Duration(); ends > 0 && ends < earliest {
		return fmt.Sprintf("cannot fire: even in a full outage its rule needs %s here, and the faults end by their own duration after %s; lengthen that or leave it out", tenths(earliest), ends)
	}
	return ""
}

func tenths(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
