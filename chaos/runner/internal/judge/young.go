package judge

import (
	"fmt"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// A burn alert fires while the error ratio over its long window W is above its
// threshold θ. Where samples go back only H < W, Prometheus divides by what there is:
// b bad events among the n of H give b ÷ n, and not b ÷ (n + those of W − H). With
// r events a second, healthy before the samples begin, the alert would have seen
//
//	b ÷ (r × (W − s) + n₁)
//
// at s seconds after the baseline began, n₁ being the events since then and r the
// baseline's rate. b are the bad events since then and those before it, which are the
// error ratio that Prometheus had at the preflight, times r × H. Where that never
// exceeds θ while the alert fires, only the youth of the history made it fire. An
// example: an hour asks for 1.44%. A second of outage at 100 events a second after
// ten minutes is 100 ÷ 60,000 = 0.17% then and 0.028% over the hour; ten seconds are
// 1.67%, which fires, and 0.28%, which would not have.
//
// An expected alert that fires after all counts: what it saw under the fault were
// the fault's own errors. A forbidden one that watches no burn rate has fired: nothing
// here can tell what more history would have changed.

// Young says whether, at t, the window reached back to before the first sample.
func Young(h result.History, t time.Time) bool {
	return h.Reaches.Duration()+h.Step.Duration()+t.Sub(h.At) < h.Window.Duration()
}

func youth(h result.History, t time.Time) string {
	return fmt.Sprintf("its rule looks back %s, while samples go back %s", h.Window.Duration(), (h.Reaches.Duration() + t.Sub(h.At)).Round(time.Second))
}

// youngFor says why an expectation that was not fulfilled says nothing; empty when
// it does. Any of the rules that could have fulfilled it may be the one that is meant.
func youngFor(ev *result.Evidence, e result.ExpectedAlert) string {
	for _, h := range ev.Before.Histories {
		t := ev.Moments.T0.Add(e.Within.Duration())
		if couldBe(e.Match, h.Rule) && Young(h, t) {
			return youth(h, t)
		}
	}
	return ""
}

// onlyYoung says why it cannot be held against the platform that a burn alert
// fired; empty when it can: with a full window of healthy history it would not have
// fired, or nobody counted its events, so that this cannot be excluded.
func onlyYoung(ev *result.Evidence, s result.AlertSpans) string {
	for _, h := range ev.Before.Histories {
		if h.SLO == "" || h.Rule.Alert != s.Name || !matches(h.Rule.Labels, s.Name, s.Labels) {
			continue
		}
		why := ""
		for _, span := range s.Firing {
			if span.End.Before(*ev.Moments.T0) {
				continue
			}
			from := later(span.Start, *ev.Moments.T0)
			if !Young(h, from) {
				return ""
			}
			worst, ok := fullRatio(ev, h, from, span.End)
			switch {
			case !ok:
				why = youth(h, from) + "; its events were not counted here, so that nobody can say what a full window would have shown"
			case worst > h.Threshold:
				return ""
			default:
				why = fmt.Sprintf("%s; over a full window %.3g%% of the events would have been bad, and it fires above %.3g%%", youth(h, from), 100*worst, 100*h.Threshold)
			}
		}
		return why
	}
	return ""
}

// fullRatio is the highest error ratio that the long window would have shown in
// [from, to] with healthy history before the first sample. ok is false where the
// events cannot be counted.
func fullRatio(ev *result.Evidence, h result.History, from, to time.Time) (worst float64, ok bool) {
	cs := counts(countsOf(ev, h.SLO).Steps)
	rate, known := baselineRate(ev, cs)
	if !known || h.Ratio == nil {
		return 0, false
	}
	began, long := *ev.Moments.Began, h.Window.Duration()
	before := float64(*h.Ratio) * rate * min(h.Reaches.Duration(), long).Seconds()
	consider := func(t time.Time) {
		e, counted := cs.between(later(began, t.Add(-long)), t)
		if !counted {
			return
		}
		healthy := rate * max(0, long-t.Sub(began)).Seconds()
		ok = true
		worst = max(worst, (before+e.bad)/(healthy+e.total))
	}
	consider(from)
	for _, c := range cs {
		if !c.Missing && c.T.After(from) && !c.T.After(to) {
			consider(c.T)
		}
	}
	return worst, ok
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
