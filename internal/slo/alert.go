package slo

import "time"

// AlertModel is what the arithmetic needs to know of one alerting rule.
type AlertModel struct {
	Name   string
	Labels map[string]string // the rule's and its group's own, without alertname
	// Group is the name of the rule's group, and Interval its unscaled interval of
	// evaluation; zero is the server's.
	Group    string
	Interval time.Duration
	// Feeds are the unscaled intervals of the other groups that record what the rule
	// reads; zero is the server's.
	Feeds []time.Duration
	// FromSeries are the labels that the alert takes from the series of its
	// condition, each with anchored regular expressions of the values that it can
	// have: one of them matches. None of them: any value.
	FromSeries map[string][]string
	Severity   string
	SLO        string // empty for resource alerts
	// Objective of the SLO; it has no meaning without Burn.
	Objective float64
	// Burn is nil for alerts that do not watch a burn rate. Its windows are unscaled.
	Burn *BurnWindow
	// LeastBad is how many bad events a burn alert needs in its long window; 0 needs none.
	LeastBad int
	// Slice is the unscaled length of the time slices that Burn counts; 0 where it counts
	// events.
	Slice time.Duration
	// SliceRates is true where a slice compares rates, so that it has to hold two scrapes.
	SliceRates bool
	// Lag is how far back, unscaled, the query looks by which slices are judged.
	Lag time.Duration
	// For is the rule's unscaled pending time.
	For time.Duration
	// KeepFiring is for how long the alert goes on, unscaled, when its condition is
	// no longer met.
	KeepFiring time.Duration
	// LongRatio is PromQL for the error ratio over the long window of Burn; empty
	// where nothing records it.
	LongRatio string
	// Reach is how far a condition without Burn looks back, unscaled.
	Reach time.Duration
	// Total is the selector of the series that the rule looks back at, with Burn the
	// counter of all events, or the recorded time slices. Empty: it does not, or nobody
	// knows.
	Total string
	// Good is the selector of the good events of a burn alert whose errors can be counted as
	// one: of an SLO that is not grouped and does not judge time slices. Else empty.
	Good string
	// Condition is the PromQL of the rule where it does not look back, in range or offset;
	// else empty.
	Condition string
	// Opaque is true when the condition looks back over a range or at recorded
	// series, so that nothing here can tell when a fault meets it.
	Opaque bool
	// EventDelay is how long an event may take until its outcome is counted, such
	// as a client's timeout. It is not scaled. Rule files do not tell it.
	EventDelay time.Duration
}

// Window is how far back the rule looks, unscaled.
func (m AlertModel) Window() time.Duration {
	if m.Burn != nil {
		return max(m.Burn.Long, m.Burn.Short)
	}
	return m.Reach
}

// Predict bounds the time from a fault's start to the alert firing.
//
// t.Scale divides the alert's windows and pending time (1 leaves them alone, 0 and
// less predict nothing); t.Scrape and t.Evaluation are the real intervals of
// Prometheus; the rule's own group may be evaluated less often, as Every says. A burn
// alert is thought to see errorRatio from the start on, steadily, after healthy history
// over its long window, or over t.History of it. t.Rate is how many events there are a
// second; 0 stands for traffic enough for its guard. Of time slices errorRatio is the share
// that is bad, and their own length says how many there are. A resource alert
// does not look at errorRatio: the fault is thought to meet its condition, so
// ask only for alerts that the fault is about.
//
// ok is false when the alert does not fire (the error ratio does not exceed the
// threshold, the scaled short window or time slice is too short to hold two scrapes, or
// too few events go bad within the long one) or
// when the model is Opaque.
func (m AlertModel) Predict(errorRatio float64, t Timing) (earliest, latest time.Duration, ok bool) {
	if m.Opaque || !(t.Scale > 0) {
		return 0, 0, false
	}
	evaluation := m.Every(t)
	pending := divide(m.For, t.Scale)
	late := t.Scrape + m.hops(t) + evaluation + ceil(pending, evaluation)
	if m.Burn == nil {
		// A scrape may fail at once or by its timeout, which is at most the interval.
		return pending, t.Scrape + late, true
	}
	if divide(m.Burn.Short, t.Scale) < 2*t.Scrape || m.SliceRates && divide(m.Slice, t.Scale) < 2*t.Scrape {
		return 0, 0, false
	}
	detection, ok := m.Burn.Detection(errorRatio, m.Objective)
	if !ok {
		return 0, 0, false
	}
	detection = divide(detection, t.Scale)
	window := divide(m.Burn.Long, t.Scale)
	if young := m.Burn.young(errorRatio, m.Objective, t.History); t.History > 0 && t.History+young < window {
		detection, window = young, t.History+young
	}
	// A range holds whole scrapes only: up to two of them shorter than its
	// window, it crosses the threshold that much sooner.
	soonest := time.Duration(float64(detection) * max(0, 1-2*float64(t.Scrape)/float64(window)))
	rate := t.Rate
	if m.Slice > 0 {
		// Bad slices come whole: the one that matters may be over as soon as the fault
		// begins, or has to begin after it.
		slice := t.every(m.Slice)
		rate = 1 / slice.Seconds()
		whole := time.Duration(float64(slice) / errorRatio)
		soonest, detection = max(0, soonest-whole), detection+whole+divide(m.Lag, t.Scale)
	}
	if rate > 0 && m.LeastBad > 0 {
		guard := time.Duration(float64(m.LeastBad) / (rate * errorRatio) * float64(time.Second))
		if guard > divide(m.Burn.Long, t.Scale) {
			return 0, 0, false
		}
		// Half an event less is enough for the comparison, and extrapolation may add one.
		sooner := time.Duration(float64(guard) * max(0, float64(m.LeastBad)-1.5) / float64(m.LeastBad))
		soonest, detection = max(soonest, sooner), max(detection, guard+divide(m.Lag, t.Scale))
	}
	return soonest + pending, detection + m.EventDelay + late, true
}

// Every is how often the rule is evaluated: as often as its group asks for, and no
// more often than the server can.
func (m AlertModel) Every(t Timing) time.Duration { return t.every(m.Interval) }

func (t Timing) every(interval time.Duration) time.Duration {
	if !(t.Scale > 0) {
		return t.Evaluation
	}
	return max(t.Evaluation, divide(interval, t.Scale))
}

// hops is how late what other groups record arrives at the rule.
func (m AlertModel) hops(t Timing) time.Duration {
	var slowest time.Duration
	for _, interval := range m.Feeds {
		slowest = max(slowest, t.every(interval))
	}
	return slowest
}

func divide(d time.Duration, scale float64) time.Duration {
	return time.Duration(float64(d) / scale)
}

// ceil rounds d up to a multiple of step: an alert leaves pending only when the
// rule is evaluated.
func ceil(d, step time.Duration) time.Duration {
	if step <= 0 {
		return d
	}
	if over := d % step; over > 0 {
		d += step - over
	}
	return d
}
