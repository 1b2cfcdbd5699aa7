package result

import (
	"math"
	"testing"
)

func TestTheShareUnderFaultIsThatOfPodsThatAreReadyOrTakenAway(t *testing.T) {
	for name, tc := range map[string]struct {
		cover Cover
		share float64
		known bool
	}{
		"one of three is slow":               {Cover{Ready: 3, UnderFault: 1}, 1.0 / 3, true},
		"one of three is taken away":         {Cover{Ready: 2, Down: 1}, 1.0 / 3, true},
		"all are taken away":                 {Cover{Down: 3}, 1, true},
		"a fourth pod came that was not hit": {Cover{Ready: 4, UnderFault: 1}, 0.25, true},
		"none is hit":                        {Cover{Ready: 3}, 0, true},
		"there are no pods":                  {Cover{}, 0, false},
		"the target could not say":           {Cover{Unknown: true}, 0, false},
		"numbers together with Unknown":      {Cover{Unknown: true, Ready: 3, UnderFault: 3}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			share, known := tc.cover.Share()
			if share != tc.share || known != tc.known {
				t.Errorf("%v, %v", share, known)
			}
		})
	}
}

func TestTheShareUnderFaultIsSummedUpOverTime(t *testing.T) {
	// Hit from 1 s on, unknown from 6 s to 8 s, one more pod from 8 s on.
	c := Coverage{Workload: "deployment/monitor", Until: 11, Steps: []Cover{
		{At: 0, Ready: 2}, {At: 1, Ready: 2, UnderFault: 1}, {At: 6, Unknown: true}, {At: 8, Ready: 4, UnderFault: 1}, {At: 10, Ready: 4},
	}}
	for name, tc := range map[string]struct {
		from, to Seconds
		want     Shares
		known    bool
	}{
		"all of it":                        {0, 11, Shares{0, (5*0.5 + 2*0.25) / 9, 0.5}, true},
		"while it was held":                {1, 10, Shares{0.25, (5*0.5 + 2*0.25) / 7, 0.5}, true},
		"a part of one step":               {2, 3, Shares{0.5, 0.5, 0.5}, true},
		"a moment":                         {2, 2, Shares{0.5, 0.5, 0.5}, true},
		"a time in which nothing is known": {6, 8, Shares{}, false},
		"a time after the last count":      {12, 20, Shares{}, false},
		"a time that ends before it began": {9, 3, Shares{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, known := c.Between(tc.from, tc.to)
			if known != tc.known || math.Abs(got.Mean-tc.want.Mean) > 1e-9 || got.Min != tc.want.Min || got.Max != tc.want.Max {
				t.Errorf("%+v, %v, want %+v, %v", got, known, tc.want, tc.known)
			}
		})
	}
	if _, known := (Coverage{}).Between(0, 10); known {
		t.Error("nothing was counted, and something is known")
	}
}
