package slo

import (
	"math"
	"time"
)

// The severities of alerts.
const (
	Page   = "page"   // wakes somebody
	Ticket = "ticket" // waits for working hours
	None   = "none"   // nobody acts on it: the watchdog's
)

// The tiers of a burn-rate alert, from the fastest to the slowest.
const (
	PageFast   = "page-fast"
	PageSlow   = "page-slow"
	TicketFast = "ticket-fast"
	TicketSlow = "ticket-slow"
)

const (
	// workbookPeriod is the period for which the SRE workbook gives its windows.
	workbookPeriod = 30 * 24 * time.Hour
	// leastShort is the shortest short window: four scrapes at the usual 30 seconds.
	leastShort = 2 * time.Minute
	// longPerShort is how many short windows a long one has.
	longPerShort = 12
	// mostThreshold keeps every tier within reach of an outage that is less than total.
	mostThreshold = 0.8
)

// BurnWindow is one tier of a multiwindow burn-rate alert. It fires while the
// error ratio over both windows is above Threshold: the long window says that
// the loss matters, the short one that it still goes on.
type BurnWindow struct {
	Tier        string // PageFast, PageSlow, TicketFast or TicketSlow
	Severity    string
	Long, Short time.Duration
	// Share of the whole budget, in (0, 1), that a steady burn at Rate spends
	// within Long.
	Share float64
	// Rate is the burn rate above which the tier fires, at least 1.
	Rate float64
}

// workbook are the tiers for 30 days and objectives from 94.5%.
func workbook() []BurnWindow {
	return []BurnWindow{
		{Tier: PageFast, Severity: Page, Short: 5 * time.Minute, Rate: 14.4},
		{Tier: PageSlow, Severity: Page, Short: 30 * time.Minute, Rate: 6},
		{Tier: TicketFast, Severity: Ticket, Short: 2 * time.Hour, Rate: 3},
		{Tier: TicketSlow, Severity: Ticket, Short: 6 * time.Hour, Rate: 1},
	}
}

// BurnWindows are the tiers of an SLO with the given rolling period and objective,
// which is in (0, 1).
//
// For 30 days they are those of the SRE workbook. Shorter periods shrink the windows
// in proportion, to whole minutes and no further than to a short window of two;
// longer periods keep them, as a year's budget is worth a page no later than a
// month's. Burn rates do not follow the period: below 1 a tier would report what the
// SLO allows. A low objective lowers them, so that each can be reached. A tier that a
// later one with the same windows makes superfluous is left out.
func BurnWindows(period time.Duration, objective float64) []BurnWindow {
	scale := min(1, float64(period)/float64(workbookPeriod))
	all := workbook()
	for i := range all {
		w := &all[i]
		w.Short = max(leastShort, time.Duration(scale*float64(w.Short)).Round(time.Minute))
		w.Long = longPerShort * w.Short
		w.Rate = max(1, min(w.Rate, clean(mostThreshold/(1-objective))))
		w.Share = clean(w.Rate * float64(w.Long) / float64(period))
	}
	var ws []BurnWindow
	for i, w := range all {
		superfluous := false
		for _, later := range all[i+1:] {
			superfluous = superfluous || later.Short == w.Short && later.Rate <= w.Rate
		}
		if !superfluous {
			ws = append(ws, w)
		}
	}
	return ws
}

// Threshold is the error ratio that both windows must exceed. It is below 1, so that
// an outage can.
func (w BurnWindow) Threshold(objective float64) float64 {
	return clean(w.Rate * clean(1-objective))
}

// Detection is how long a steady error ratio lasts, after a healthy history of
// the whole long window, before both windows exceed the threshold. It is false
// when the ratio never gets there.
func (w BurnWindow) Detection(errorRatio, objective float64) (time.Duration, bool) {
	threshold := w.Threshold(objective)
	if !(errorRatio > threshold) {
		return 0, false
	}
	// The short window crosses at the same share of its own, shorter, length.
	return time.Duration(threshold / errorRatio * float64(max(w.Long, w.Short))), true
}

// young is how long an error ratio above the threshold lasts before it is exceeded where the
// samples go back only a history h of healthy events, which is shorter than the window: of
// events at a steady rate, e·d of h + d are bad after d, which is the threshold θ at
// d = θ·h ÷ (e − θ).
func (w BurnWindow) young(errorRatio, objective float64, history time.Duration) time.Duration {
	threshold := w.Threshold(objective)
	return time.Duration(threshold / (errorRatio - threshold) * float64(history))
}

// clean removes the noise of binary fractions: 14.4 × (1 − 0.999) is 0.0144.
func clean(f float64) float64 { return math.Round(f*1e12) / 1e12 }
