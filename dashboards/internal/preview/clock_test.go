package preview

import (
	"testing"
	"time"
)

func TestIntervalsAreThoseOfGrafana(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		from     string
		points   int
		scrape   time.Duration
		interval time.Duration
		rate     time.Duration
	}{
		"a day over half a screen":                  {"now-24h", 720, 15 * time.Second, 2 * time.Minute, 135 * time.Second},
		"six hours over half a screen":              {"now-6h", 720, 15 * time.Second, 30 * time.Second, time.Minute},
		"a month over a screen":                     {"now-30d", 1440, 15 * time.Second, 30 * time.Minute, 30*time.Minute + 15*time.Second},
		"no point between two scrapes":              {"now-15m", 720, 15 * time.Second, 15 * time.Second, time.Minute},
		"a target scraped every second":             {"now-5m", 720, time.Second, time.Second, 4 * time.Second},
		"a range that no panel has room for":        {"now-10y", 1, 15 * time.Second, 7 * day, 7*day + 15*time.Second},
		"a panel without width is as good as a dot": {"now-1m", 0, 15 * time.Second, time.Minute, 75 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := spanOf(tc.from, time.Unix(1e9, 0))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.interval(tc.points, tc.scrape); got != tc.interval {
				t.Errorf("interval %s, want %s", got, tc.interval)
			}
			if got := rateInterval(s.interval(tc.points, tc.scrape), tc.scrape); got != tc.rate {
				t.Errorf("rate interval %s, want %s", got, tc.rate)
			}
		})
	}
}

func TestARangeThatIsNoneIsAnError(t *testing.T) {
	for _, from := range []string{"", "now", "2026-01-01", "now-", "now-x", "now/d"} {
		if s, err := spanOf(from, time.Unix(1e9, 0)); err == nil {
			t.Errorf("%q: %v", from, s)
		}
	}
}
