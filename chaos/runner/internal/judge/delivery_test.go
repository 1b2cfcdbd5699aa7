package judge

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestANoticeIsThatOfTheAlertThatFires(t *testing.T) {
	r := passing()
	series := result.Delivered{Name: "Down", Labels: map[string]string{"pod": "a", "severity": "page"}}
	for name, tc := range map[string]struct {
		labels map[string]string
		since  time.Time
		want   bool
	}{
		"the same":                              {map[string]string{"alertname": "Down", "pod": "a", "severity": "page"}, after(13), true},
		"with labels of its Prometheus":         {map[string]string{"alertname": "Down", "pod": "a", "severity": "page", "cluster": "c"}, after(13), true},
		"without one that relabelling took":     {map[string]string{"alertname": "Down", "severity": "page"}, after(13), true},
		"of another pod":                        {map[string]string{"alertname": "Down", "pod": "b", "severity": "page"}, after(13), false},
		"of another name":                       {map[string]string{"alertname": "Up", "pod": "a", "severity": "page"}, after(13), false},
		"that fires since before the fault":     {map[string]string{"alertname": "Down", "pod": "a", "severity": "page"}, after(t0 - 2.1), false},
		"that fires since a scrape before that": {map[string]string{"alertname": "Down", "pod": "a", "severity": "page"}, after(t0 - 2), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Delivers(&r.x, r.ev.Moments, series, tc.labels, tc.since); got != tc.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
