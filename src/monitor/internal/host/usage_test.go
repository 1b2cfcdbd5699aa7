package host

import "testing"

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

func TestTimesNeverGoBackExceptByAReset(t *testing.T) {
	before := CPUTimes{User: 10, Idle: 100, IOWait: 5}
	for name, tc := range map[string]struct {
		now, want CPUTimes
		reset     bool
	}{
		"times that advance are kept":              {CPUTimes{User: 11, Idle: 101, IOWait: 6}, CPUTimes{User: 11, Idle: 101, IOWait: 6}, false},
		"a small step back of one mode is held":    {CPUTimes{User: 11, Idle: 99.9, IOWait: 4}, CPUTimes{User: 11, Idle: 100, IOWait: 5}, false},
		"a processor that was offline starts anew": {CPUTimes{User: 1, Idle: 2}, CPUTimes{User: 1, Idle: 2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, reset := tc.now.NotBefore(before)
			if got != tc.want || reset != tc.reset {
				t.Errorf("got %+v, %v; want %+v, %v", got, reset, tc.want, tc.reset)
			}
		})
	}
}
