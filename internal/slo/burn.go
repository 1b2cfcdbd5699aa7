package slo

import "time"

// The severities of alerts.
const (
	Page   = "page"   // wakes somebody
	Ticket = "ticket" // waits for working hours
)

// BurnWindow is one tier of a multiwindow burn-rate alert. It fires while the
// error ratio over both windows is above Threshold: the long window says that
// the loss matters, the short one that it still goes on.
type BurnWindow struct {
	Severity    string
	Long, Short time.Duration
	// Share of the whole budget, in (0, 1), that a steady burn at Rate spends
	// within Long.
	Share float64
	// Rate is the burn rate from which on the tier fires.
	Rate float64
}

// tier is a BurnWindow before the period of its SLO is known.
type tier struct {
	severity    string
	long, short time.Duration
	share       float64
}

// BurnWindows are the four tiers of the SRE workbook for an SLO with the given
// rolling period. Tiers are defined by the share of the budget that they let go
// (2%, 5%, 10%, 10%), so that other periods than 30 days give other rates over
// the same windows: Rate = Share × period ÷ Long.
func BurnWindows(period time.Duration) []BurnWindow {
	tiers := []tier{
		{Page, time.Hour, 5 * time.Minute, 0.02},
		{Page, 6 * time.Hour, 30 * time.Minute, 0.05},
		{Ticket, 24 * time.Hour, 2 * time.Hour, 0.10},
		{Ticket, 72 * time.Hour, 6 * time.Hour, 0.10},
	}
	ws := make([]BurnWindow, len(tiers))
	for i, t := range tiers {
		ws[i] = BurnWindow{
			Severity: t.severity,
			Long:     t.long,
			Short:    t.short,
			Share:    t.share,
			Rate:     t.share * float64(period) / float64(t.long),
		}
	}
	return ws
}

// Threshold is the error ratio that both windows must exceed.
func (w BurnWindow) Threshold(objective float64) float64 {
	return w.Rate * (1 - objective)
}

// Reachable tells whether any error ratio can fire the tier. A low objective
// lifts the threshold to 1 and above: the alert is then dead.
func (w BurnWindow) Reachable(objective float64) bool {
	return w.Threshold(objective) < 1
}

// Detection is how long a steady error ratio lasts, after a healthy history of
// the whole long window, before both windows exceed the threshold. It is false
// when the ratio never gets there.
func (w BurnWindow) Detection(errorRatio, objective float64) (time.Duration, bool) {
	threshold := w.Threshold(objective)
	if errorRatio <= threshold {
		return 0, false
	}
	// The short window crosses at the same share of its own, shorter, length.
	return time.Duration(threshold / errorRatio * float64(max(w.Long, w.Short))), true
}
