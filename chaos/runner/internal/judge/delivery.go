package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// DeliverySlack is how long Alertmanager may lack an alert that fires. Prometheus sends it
// with the evaluation that fires it. How long Alertmanager waits before it notifies
// anybody, its group_wait, is not part of this: the alert is known to it before.
const DeliverySlack = 10 * time.Second

// Delivers says whether a notice with these labels, of an alert that fires since
// startsAt, is that of the series. Labels that relabelling took away or added on the way
// say nothing. An alert that fired long before the fault is another one of the same name,
// that of another Prometheus say.
func Delivers(x *result.Spec, m result.Moments, s result.Delivered, labels map[string]string, startsAt time.Time) bool {
	if labels["alertname"] != s.Name {
		return false
	}
	for k, v := range s.Labels {
		if have, ok := labels[k]; ok && have != v {
			return false
		}
	}
	lag := x.Timing.Scrape.Duration() + x.Timing.Evaluation.Duration()
	return m.T0 == nil || !startsAt.Before(m.T0.Add(-lag))
}

// Expected says whether an active alert is one that the experiment expects.
func Expected(x *result.Spec, a result.ActiveAlert) bool {
	return slices.ContainsFunc(x.Expect, func(e result.ExpectedAlert) bool { return matches(e.Match, a.Name, a.Labels) })
}

// Undelivered says whether an alert that is firing may still be heard of by Alertmanager
// in time, at now.
func Undelivered(d result.Delivered, fired, now time.Time) bool {
	return d.Seen == nil && now.Before(fired.Add(DeliverySlack))
}

// arrival is whether Alertmanager had an alert that fired.
type arrival int

const (
	arrivalUnknown arrival = iota
	arrived
	lost
)

// arrivalOf says whether Alertmanager had an alert series that fired at the time given,
// in words for a reader too.
func arrivalOf(ev *result.Evidence, s result.AlertSpans, fired time.Time) (arrival, string) {
	d := ev.Delivery
	if d.Trouble != nil {
		return arrivalUnknown, "Alertmanager could not be asked: " + d.Trouble.Detail
	}
	i := slices.IndexFunc(d.Alerts, func(a result.Delivered) bool { return a.Name == s.Name && maps.Equal(a.Labels, s.Labels) })
	if i < 0 {
		return arrivalUnknown, "no look saw it fire, so that Alertmanager was not asked"
	}
	switch a := d.Alerts[i]; {
	case a.Seen != nil:
		return arrived, fmt.Sprintf("Alertmanager had it within %s", tenths(max(0, a.Seen.Sub(fired))))
	case a.Lacking != nil && a.Lacking.Sub(fired) >= DeliverySlack:
		return lost, fmt.Sprintf("Alertmanager did not have it %s after it fired", tenths(a.Lacking.Sub(fired)))
	case a.Trouble != nil:
		return arrivalUnknown, "Alertmanager could not be asked: " + a.Trouble.Detail
	case a.Lacking != nil:
		return arrivalUnknown, fmt.Sprintf("Alertmanager did not have it %s after it fired, and was not asked later", tenths(max(0, a.Lacking.Sub(fired))))
	}
	return arrivalUnknown, "Alertmanager was not asked while it fired"
}

// delivered judges whether an expected alert that fired in time reached Alertmanager,
// where there is one. One of several series that arrived is enough, unless another one
// was lost.
func (as *assertions) delivered(e result.ExpectedAlert, a *result.Assertion) {
	switch d := as.ev.Delivery; {
	case d == nil: // the target has no Alertmanager, which its notes say
		return
	case d.None != "":
		a.Observed += "; not judged whether it was delivered: " + d.None
		return
	}
	m := as.ev.Moments
	said := map[arrival][]string{}
	for _, s := range as.ev.Series.Alerts {
		if at, ok := firedBetween(s, *m.T0, *m.End); ok && matches(e.Match, s.Name, s.Labels) {
			how, text := arrivalOf(as.ev, s, at)
			if !slices.Contains(said[how], text) {
				said[how] = append(said[how], text)
			}
		}
	}
	switch {
	case len(said[lost]) > 0:
		text := strings.Join(said[lost], "; ")
		a.Outcome, a.Observed = result.Broken, a.Observed+"; "+text
		as.fail(result.AlertNotDelivered, "expected alert %s fired, and %s", e.Name, text)
	case len(said[arrived]) > 0:
		a.Observed += "; " + strings.Join(said[arrived], "; ")
	default:
		text := strings.Join(said[arrivalUnknown], "; ")
		a.Outcome, a.Observed = result.Unknown, a.Observed+"; "+text
		as.findings = append(as.findings, finding(rankMissing, result.DeliveryUnknown, fmt.Sprintf("expected alert %s: %s", e.Name, text)))
	}
}

// deliveryText is what the record of an alert says about its delivery: nothing where
// nobody was asked about it.
func deliveryText(x *result.Spec, ev *result.Evidence, s result.AlertSpans, fired time.Time) string {
	if d := ev.Delivery; d == nil || d.None != "" || x.Control || role(x, s) != roleExpected {
		return ""
	}
	_, text := arrivalOf(ev, s, fired)
	return text
}
