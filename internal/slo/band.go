package slo

import "time"

// Reaction is how fast a rule answers to its condition, in the time of its target.
type Reaction struct {
	Scrape time.Duration
	// Every is how often the rule is evaluated.
	Every time.Duration
	// Hop is how late what other groups record arrives at the rule.
	Hop time.Duration
	// For is the rule's pending time.
	For time.Duration
}

// Reaction is how fast the rule answers on a target.
func (m AlertModel) Reaction(t Timing) Reaction {
	return Reaction{Scrape: t.Scrape, Every: m.Every(t), Hop: m.hops(t), For: divide(m.For, t.Scale)}
}

// Band is when an alert fires that answers to its condition.
type Band struct {
	Start time.Time
	// End is zero where the condition was nearly met and never met.
	End time.Time
	// Sure is true where the condition was met for so long that the alert has to fire.
	Sure bool
}

// machineSlack is how late a rule may be for other reasons than its intervals: an
// evaluation that waits for a processor, and the steps in which alerts are read.
const machineSlack = time.Second

// Band derives when an alert fires, of which the condition was met, and nearly met, in
// the stretches given, in time order. Its prediction P is when the
// condition was first met, and the pending time, which ends at an evaluation.
//
// Every phase delays, and none brings forward. A sample has the time at which its scrape
// began, and can be read when that has ended, up to a scrape later. The next evaluation
// of a group that records comes up to Hop after that, and that of the alert's own group up to
// Every later. So a firing lies in [P, P + Scrape + Hop + Every + 1 s], the second being
// the machine's. The replay itself may be wrong: by 5% of the time from t0 to P on both
// sides, and by one sample where the condition was nearly met one scrape before. In all
// the band begins at that sample, at most Scrape + 5% before P, and is at most Scrape +
// Hop + Every + 1 s + 10% wide.
//
// A stretch that is shorter than all of that may be over before it is seen. It can fire
// the alert, and does not have to: the band begins there and ends after the first that is
// long enough, or else after the last that can fire it. ok is false where the condition was not even nearly met for the pending time.
func (r Reaction) Band(t0 time.Time, met, nearly []Stretch) (b Band, ok bool) {
	pending := ceil(r.For, r.Every)
	late := r.Scrape + r.Hop + r.Every
	first, ok := longer(nearly, pending-r.Scrape)
	if !ok {
		return Band{}, false
	}
	b.Start = first.Start.Add(pending)
	expected, can := longer(met, pending-r.Scrape)
	if !can {
		return b, true
	}
	predicted := expected.Start.Add(pending)
	off := tolerance(predicted.Sub(t0))
	if start := predicted.Add(-r.Scrape - off); start.After(b.Start) {
		b.Start = start
	}
	certain, sure := longer(met, late+pending)
	if b.Sure = sure; !sure {
		certain = lastLonger(met, pending-r.Scrape)
	}
	due := certain.Start.Add(pending)
	b.End = due.Add(late + machineSlack + tolerance(due.Sub(t0)))
	if widest := b.Start.Add(late + machineSlack + 2*off); certain == expected && b.End.After(widest) {
		b.End = widest
	}
	return b, true
}

func tolerance(d time.Duration) time.Duration {
	return time.Duration(ReplayTolerance * max(0, float64(d)))
}

// longer is the first stretch of at least a length.
func longer(list []Stretch, d time.Duration) (Stretch, bool) {
	for _, s := range list {
		if s.End.Sub(s.Start) >= d {
			return s, true
		}
	}
	return Stretch{}, false
}

// lastLonger is the last stretch of at least a length; there is one.
func lastLonger(list []Stretch, d time.Duration) Stretch {
	var last Stretch
	for _, s := range list {
		if s.End.Sub(s.Start) >= d {
			last = s
		}
	}
	return last
}
