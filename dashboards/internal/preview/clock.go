package preview

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// span is the range of time that a dashboard shows.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return s.to.Sub(s.from) }

// spanOf is the range that a dashboard is opened with, such as "now-24h".
func spanOf(from string, now time.Time) (span, error) {
	ago, ok := strings.CutPrefix(from, "now-")
	if !ok {
		return span{}, fmt.Errorf("the range must begin with now-…, and not %q", from)
	}
	d, err := model.ParseDuration(ago)
	if err != nil {
		return span{}, fmt.Errorf("the range begins at %q: %w", from, err)
	}
	return span{now.Add(-time.Duration(d)), now}, nil
}

// niceIntervals are the distances between points that Grafana rounds to, each with the
// length from which on the next one is taken.
func niceIntervals() [][2]time.Duration {
	const ms, s, m, h, day = time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour
	return [][2]time.Duration{
		{1500 * ms, s},
		{3500 * ms, 2 * s},
		{7500 * ms, 5 * s},
		{12500 * ms, 10 * s},
		{17500 * ms, 15 * s},
		{25 * s, 20 * s},
		{45 * s, 30 * s},
		{90 * s, m},
		{210 * s, 2 * m},
		{450 * s, 5 * m},
		{750 * s, 10 * m},
		{1050 * s, 15 * m},
		{1500 * s, 20 * m},
		{2700 * s, 30 * m},
		{90 * m, h},
		{150 * m, 2 * h},
		{270 * m, 3 * h},
		{9 * h, 6 * h},
		{day, 12 * h},
		{7 * day, day},
	}
}

// interval is Grafana's $__interval: the range ÷ the points that a panel has room for,
// rounded, and not shorter than the data source's scrape interval.
func (s span) interval(points int, scrape time.Duration) time.Duration {
	raw := s.length() / time.Duration(max(1, points))
	if raw < scrape {
		return scrape
	}
	for _, nice := range niceIntervals() {
		if raw < nice[0] {
			return max(nice[1], scrape)
		}
	}
	return 7 * 24 * time.Hour
}

// rateInterval is Grafana's $__rate_interval, long enough for a rate to have at least
// four scrapes.
func rateInterval(interval, scrape time.Duration) time.Duration {
	return max(interval+scrape, 4*scrape)
}

// aligned moves the range to whole steps, as Grafana does, so that the points stay where
// they are from one look to the next.
func (s span) aligned(step time.Duration) span {
	return span{s.from.Truncate(step), s.to.Truncate(step)}
}

// promDuration writes a duration as PromQL reads it.
func promDuration(d time.Duration) string {
	return model.Duration(max(time.Millisecond, d.Round(time.Millisecond))).String()
}

func wholeSeconds(d time.Duration) string {
	return strconv.FormatFloat(math.Round(d.Seconds()), 'f', 0, 64)
}
