package local

import (
	"slices"
	"testing"
	"time"
)

func TestRestartsWaitLongerEachTimeUntilTheContainerIsStable(t *testing.T) {
	const s = time.Second
	for name, row := range map[string]struct{ ran, want []time.Duration }{
		"the first restart is at once": {[]time.Duration{5 * s}, []time.Duration{0}},
		"a crash loop waits twice as long each time, up to the cap": {
			[]time.Duration{0, 0, 0, 0, 0, 0, 0, 0}, []time.Duration{0, s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s},
		},
		"just short of stable is not stable":           {[]time.Duration{0, 0, 59 * s}, []time.Duration{0, s, 2 * s}},
		"a stable minute forgets":                      {[]time.Duration{0, 0, 0, 60 * s, 0}, []time.Duration{0, s, 2 * s, 0, s}},
		"each crash after a stable run is a first one": {[]time.Duration{90 * s, 90 * s}, []time.Duration{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var b backoff
			var got []time.Duration
			for _, ran := range row.ran {
				got = append(got, b.after(ran))
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}
