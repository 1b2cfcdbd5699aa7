package main

import (
	"testing"
	"time"
)

func TestTheMeterMissesNoTick(t *testing.T) {
	began := time.Now()
	stop := startMeter()
	sleepUntil(began.Add(20 * period))
	s := stop()
	ended := time.Now()
	if s.start.Before(began) || s.due().After(ended.Add(period)) || s.due().Before(began.Add(20*period)) {
		t.Errorf("%d ticks from %s on do not cover the time from %s to %s", len(s.late), s.start, began, ended)
	}
	for i, l := range s.late {
		if l < 0 {
			t.Errorf("tick %d was early by %s", i, -l)
		}
	}
	for i, c := range s.cpu {
		if c.steal < 0 || c.total <= 0 || i > 0 && c.total < s.cpu[i-1].total {
			t.Errorf("CPU time %d: %+v", i, c)
		}
	}
}
