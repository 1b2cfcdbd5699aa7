package host

import (
	"testing"
	"time"
)

func TestUsageIsTheShareOfEachMode(t *testing.T) {
	for name, tc := range map[string]struct {
		spent CPUTimes
		want  CPUUsage
		ok    bool
	}{
		"idle is not busy":                   {CPUTimes{Idle: 5}, CPUUsage{Idle: 100}, true},
		"waiting for a disk is not busy":     {CPUTimes{IOWait: 1, Idle: 3}, CPUUsage{IOWait: 25, Idle: 75}, true},
		"work of every kind is busy":         {CPUTimes{User: 1, Nice: 1, System: 1, IRQ: 1, SoftIRQ: 1, Steal: 1, Idle: 2}, CPUUsage{Busy: 75, User: 12.5, Nice: 12.5, System: 12.5, IRQ: 12.5, SoftIRQ: 12.5, Steal: 12.5, Idle: 25}, true},
		"an interval without time says none": {CPUTimes{}, CPUUsage{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := tc.spent.Usage()
			if got != tc.want || ok != tc.ok {
				t.Errorf("got %+v, %v; want %+v, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestSinceIsWhatTheCountersCanHold(t *testing.T) {
	before := CPUTimes{User: 10, System: 5, Idle: 100, IOWait: 50}
	with := func(change func(*CPUTimes)) CPUTimes {
		now := before
		change(&now)
		return now
	}
	for name, tc := range map[string]struct {
		now  CPUTimes
		want CPUTimes
		kind Change
	}{
		"counters that advance":                         {with(func(c *CPUTimes) { c.User++; c.Idle += 4 }), CPUTimes{User: 1, Idle: 4}, Advanced},
		"iowait that went over to idle":                 {with(func(c *CPUTimes) { c.User++; c.IOWait -= 2; c.Idle += 6 }), CPUTimes{User: 1, Idle: 4}, Advanced},
		"idle that went over to iowait":                 {with(func(c *CPUTimes) { c.User++; c.IOWait += 6; c.Idle -= 2 }), CPUTimes{User: 1, IOWait: 4}, Advanced},
		"a tick of idle lost while work fills the time": {with(func(c *CPUTimes) { c.User += 5; c.Idle -= 0.5 }), CPUTimes{User: 5}, Advanced},
		"idle lost, and nobody knows how much there was": {
			with(func(c *CPUTimes) { c.User++; c.Idle -= 2 }), CPUTimes{}, Unclear,
		},
		"idle that falls by three seconds":                    {with(func(c *CPUTimes) { c.User++; c.Idle -= 3 }), CPUTimes{}, Reset},
		"iowait that falls by three seconds":                  {with(func(c *CPUTimes) { c.Idle += 5; c.IOWait -= 3 }), CPUTimes{}, Reset},
		"any other counter that falls by a tick":              {with(func(c *CPUTimes) { c.System -= 0.01; c.Idle += 5 }), CPUTimes{}, Reset},
		"all counters of a processor that came back":          {CPUTimes{User: 1, Idle: 1}, CPUTimes{}, Reset},
		"steal that wraps":                                    {with(func(c *CPUTimes) { c.Steal += 1.8e11; c.Idle += 5 }), CPUTimes{}, Jumped},
		"idle that catches up an hour":                        {with(func(c *CPUTimes) { c.Idle += 3600 }), CPUTimes{}, Jumped},
		"counters that together hold more than the wall time": {with(func(c *CPUTimes) { c.User += 4; c.Idle += 4.5 }), CPUTimes{}, Jumped},
	} {
		t.Run(name, func(t *testing.T) {
			got, kind := tc.now.Since(before, 5*time.Second)
			if got != tc.want || kind != tc.kind {
				t.Errorf("got %+v, %v; want %+v, %v", got, kind, tc.want, tc.kind)
			}
		})
	}
}

func TestOnlySmallStepsBackOfIdleAndIOWaitAreHeld(t *testing.T) {
	shown := CPUTimes{User: 10, Idle: 100, IOWait: 5}
	for name, tc := range map[string]struct{ now, want CPUTimes }{
		"times that advance are shown":              {CPUTimes{User: 11, Idle: 101, IOWait: 6}, CPUTimes{User: 11, Idle: 101, IOWait: 6}},
		"a small step back of idle and iowait":      {CPUTimes{User: 11, Idle: 99.9, IOWait: 4}, CPUTimes{User: 11, Idle: 100, IOWait: 5}},
		"a step back of three seconds is shown":     {CPUTimes{User: 11, Idle: 97, IOWait: 2}, CPUTimes{User: 11, Idle: 97, IOWait: 2}},
		"a step back of another counter is shown":   {CPUTimes{User: 9.99, Idle: 101, IOWait: 5}, CPUTimes{User: 9.99, Idle: 101, IOWait: 5}},
		"steps back that add up to three are shown": {CPUTimes{User: 11, Idle: 96.5, IOWait: 5}, CPUTimes{User: 11, Idle: 96.5, IOWait: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.now.NotBefore(shown); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
