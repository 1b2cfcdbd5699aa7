package report

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// harm is a stretch in which one SLI was worse than allowed while a fault was there or its
// traces were.
type harm struct {
	sli      result.SLI
	from, to time.Time
	// open is true when it was still so at the last measurement.
	open bool
	// peak is the worst that the SLI's chart shows, and when.
	peak result.Point
}

func (h harm) lasted() time.Duration { return h.to.Sub(h.from) }

// harms are the stretches of a run, one for each SLI that left its bound, as its
// indicators are listed. Of an SLO it begins with the scrape before the first bad event and
// ends with the last one that counted one; without counts, and for expressions, it spans
// the points beyond the bound.
func harms(run result.Run) []harm {
	if run.T0 == nil {
		return nil
	}
	var out []harm
	for _, sli := range run.SLIs {
		h := harm{sli: sli}
		var found bool
		if steps := countsOf(run, sli.Name); len(steps) > 0 {
			found = h.ofCounts(steps, *run.T0)
		} else {
			found = h.ofPoints(*run.T0)
		}
		if !found {
			continue
		}
		worse := beyond(sli)
		for _, p := range sli.Points {
			if !p.T.Before(*run.T0) && (h.peak.T.IsZero() || worse(p.V) > worse(h.peak.V)) {
				h.peak = p
			}
		}
		out = append(out, h)
	}
	return out
}

func countsOf(run result.Run, slo string) []result.Count {
	for _, c := range run.Evidence.Series.Counts {
		if c.SLO == slo {
			return c.Steps
		}
	}
	return nil
}

func (h *harm) ofCounts(steps []result.Count, t0 time.Time) (found bool) {
	last := result.Count{T: t0}
	known := false
	for _, s := range steps {
		if s.Missing {
			continue
		}
		if known && !s.T.Before(t0) {
			h.open = false
			// Counters are read apart: less than half of an event is not an event.
			if bad := (s.Total - s.Good) - (last.Total - last.Good); bad > 0.5 {
				if !found {
					found, h.from = true, last.T
					if h.from.Before(t0) {
						h.from = t0
					}
				}
				h.to, h.open = s.T, true
			}
		}
		last, known = s, true
	}
	return found
}

func (h *harm) ofPoints(t0 time.Time) (found bool) {
	worse := beyond(h.sli)
	for _, p := range h.sli.Points {
		if p.T.Before(t0) {
			continue
		}
		h.open = false
		if worse(p.V) > 0 {
			if !found {
				found, h.from = true, p.T
			}
			h.to, h.open = p.T, true
		}
	}
	return found
}

// beyond is how far a value of an SLI is out of its bounds; within them it is not
// positive.
func beyond(sli result.SLI) func(float64) float64 {
	return func(v float64) float64 {
		switch {
		case sli.Objective != nil:
			return v - (1 - *sli.Objective)
		case sli.Max != nil && sli.Min != nil:
			return max(v-*sli.Max, *sli.Min-v)
		case sli.Max != nil:
			return v - *sli.Max
		case sli.Min != nil:
			return *sli.Min - v
		}
		return 0
	}
}

// unit shows a value of an SLI.
func unit(sli result.SLI) func(float64) string {
	if isRatio(sli) {
		return chart.Percent
	}
	return func(v float64) string { return chart.Significant(v, 3) }
}

// story says what the SLI did, as offsets from the fault.
func (h harm) story(w chart.Window) string {
	s := h.sli.Name
	if isRatio(h.sli) {
		s += " had bad requests from " + w.When(h.from)
	} else {
		s += " was out of its bound from " + w.When(h.from)
	}
	if h.open {
		s += " until the end of what was measured"
	} else {
		s += " to " + w.When(h.to)
	}
	if !h.peak.T.IsZero() {
		s += fmt.Sprintf(", %s at its worst (%s)", unit(h.sli)(h.peak.V), w.When(h.peak.T))
	}
	return s
}

// longest is the longest stretch, or none.
func longest(hs []harm) (harm, bool) {
	var out harm
	for i, h := range hs {
		if i == 0 || h.lasted() > out.lasted() {
			out = h
		}
	}
	return out, len(hs) > 0
}
