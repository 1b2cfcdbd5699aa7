package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// link is one step from the fault to the recovery.
type link struct {
	Stage string // fault, effect, SLI, alert, recovery
	When  string // from the fault
	Clock string // UTC
	What  string
	// State is pass when it is as it should be, fail when it is not, and inconclusive
	// when it was not seen.
	State result.Verdict
}

// chain tells a run that did not pass as causes and their consequences: what was done, how
// that showed, what clients noticed, which alerts fired, and how it ended. It is empty where no
// fault was injected.
func chain(run result.Run) []link {
	if run.T0 == nil || run.Control || run.Verdict == result.Pass {
		return nil
	}
	c := chaining{run: run, window: windowOf(run)}
	c.window.Zero = *run.T0
	c.fault()
	c.effect()
	c.slis()
	c.alerts()
	c.recovery()
	return c.links
}

type chaining struct {
	run    result.Run
	window chart.Window
	links  []link
}

// add appends a step; without a time it was not seen.
func (c *chaining) add(stage string, t *time.Time, state result.Verdict, what string) {
	l := link{Stage: stage, When: chart.None, What: sentence(what), State: state}
	if t != nil {
		l.When, l.Clock = c.window.When(*t), t.UTC().Format("15:04:05.0")
	}
	c.links = append(c.links, l)
}

func (c *chaining) fault() {
	var parts []string
	for _, f := range c.run.Faults {
		part := f.Kind + " " + f.Action
		if len(f.Targets) > 0 {
			part += " on " + some(f.Targets, 3)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		parts = []string{"A fault was asked for"}
	}
	c.add("Fault", c.run.T0, result.Pass, strings.Join(parts, "; "))
}

func (c *chaining) effect() {
	var first *result.Effect
	var missing []string
	for i, e := range c.run.Effects {
		if !e.Shown {
			missing = append(missing, fmt.Sprintf("%s on %s: %s", e.Fault, e.Target, e.Observed))
		} else if first == nil || e.At.Before(first.At) {
			first = &c.run.Effects[i]
		}
	}
	if first == nil {
		missing = append([]string{"Not seen on any target"}, missing...)
		c.add("Effect", nil, result.Inconclusive, some(missing, 3))
		return
	}
	c.add("Effect", &first.At, result.Pass, first.Target+" "+first.Observed)
	switch {
	case c.run.T1 != nil && c.run.Radius.Targets > 1:
		c.add("Effect", c.run.T1, result.Pass, "Seen on all of "+chart.Plural(c.run.Radius.Targets, "target"))
	case c.run.T1 == nil:
		c.add("Effect", nil, result.Inconclusive, "Not seen on every target"+strings.TrimSuffix(": "+some(missing, 3), ": "))
	}
}

func (c *chaining) slis() {
	hs := harms(c.run)
	slices.SortStableFunc(hs, func(a, b harm) int { return a.from.Compare(b.from) })
	for _, h := range hs {
		// Bad events may be within what is allowed.
		state := result.Fail
		for _, a := range c.run.Asserts {
			if a.Name == h.sli.Name && a.Outcome == result.Held {
				state = result.Pass
			}
		}
		c.add("SLI", &h.from, state, h.story(c.window))
	}
	if len(hs) == 0 && len(c.run.SLIs) > 0 {
		c.add("SLI", nil, result.Pass, "No SLI that was measured left its bound")
	}
}

// alerts lists first those that the experiment asks about, then those that fired.
func (c *chaining) alerts() {
	list := slices.DeleteFunc(slices.Clone(c.run.Alerts), func(a result.Alert) bool { return a.Role != "expected" && len(a.Firing) == 0 })
	slices.SortStableFunc(list, func(a, b result.Alert) int {
		return cmp.Or(cmp.Compare(b.Role, a.Role), firedAt(a).Compare(firedAt(b)))
	})
	const most = 6
	for i, a := range list {
		if i == most {
			c.add("Alert", nil, result.Pass, fmt.Sprintf("And %s more, below", chart.Plural(len(list)-most, "alert")))
			break
		}
		var at *time.Time
		state := result.Pass
		if len(a.Firing) > 0 {
			at = &a.Firing[0].Start
		}
		for _, as := range c.run.Asserts {
			asks := as.Kind == result.AssertExpect || as.Kind == result.AssertForbid
			if asks && as.Name == a.Name && as.Outcome == result.Broken {
				state = result.Fail
			}
		}
		if at == nil && a.Role == "expected" && state == result.Pass {
			state = result.Inconclusive
		}
		name := a.Name
		if which := which(a, c.run.Alerts); which != "" {
			name += " (" + which + ")"
		}
		c.add("Alert", at, state, name+": "+lower(alertStory(a, c.run)))
	}
	// An expected alert that never existed as a series is not an alert of the run.
	for _, as := range c.run.Asserts {
		known := slices.ContainsFunc(c.run.Alerts, func(a result.Alert) bool { return a.Name == as.Name })
		if as.Kind == result.AssertExpect && !known {
			state := result.Inconclusive
			if as.Outcome == result.Broken {
				state = result.Fail
			}
			c.add("Alert", nil, state, as.Name+": "+as.Observed)
		}
	}
	if len(c.links) > 0 && c.links[len(c.links)-1].Stage != "Alert" {
		c.add("Alert", nil, result.Pass, "No alert fired")
	}
}

func firedAt(a result.Alert) time.Time {
	if len(a.Firing) == 0 {
		return time.Time{}
	}
	return a.Firing[0].Start
}

func (c *chaining) recovery() {
	if c.run.Removed != nil {
		c.add("Recovery", c.run.Removed, result.Pass, "Removal of the fault was asked for")
	}
	for _, left := range c.run.Residue {
		c.add("Recovery", nil, result.Fail, "Left behind: "+left)
	}
	switch {
	case c.run.Back != nil:
		state := result.Pass
		for _, a := range c.run.Asserts {
			if a.Kind == result.AssertRecovery && a.Outcome == result.Broken {
				state = result.Fail
			}
		}
		c.add("Recovery", c.run.Back, state, "The last trace of the fault was gone")
	default:
		state, what := result.Inconclusive, "Not seen"
		for _, a := range c.run.Asserts {
			if a.Kind == result.AssertRecovery && a.Outcome == result.Broken {
				state, what = result.Fail, "Not recovered: "+a.Observed
			}
		}
		c.add("Recovery", nil, state, what)
	}
}

// lower begins s with a small letter.
func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
