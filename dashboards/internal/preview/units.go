package preview

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// clock is the time that "5 minutes ago" counts from.
type clock = time.Time

// precision is how many decimals a value has: exactly so many, or three digits and at
// least so many decimals.
type precision struct {
	exactly *int
	atLeast int
}

// inUnit writes a value as Grafana does: how wide and how exact a number is in a tile is
// one of the things that a preview is looked at for. The rules are those of Grafana's
// value formats. Without decimals there are about three digits.
func inUnit(v float64, unit string, decimals precision, now clock) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	if math.IsInf(v, 0) {
		return strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "Inf", "∞", 1)
	}
	plain := func(v float64) string { return fixed(v, decimals) }
	switch unit {
	case "percentunit":
		return plain(v*100) + "%"
	case "percent":
		return plain(v) + "%"
	case "short":
		return scaled(v, 1000, decimals, "", " K", " Mil", " Bil", " Tri", " Quadr")
	case "bytes":
		return scaled(v, 1024, decimals, " B", " KiB", " MiB", " GiB", " TiB", " PiB")
	case "binBps":
		return scaled(v, 1024, decimals, " B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s")
	case "pps":
		return scaled(v, 1000, decimals, " p/s", " kp/s", " Mp/s", " Gp/s")
	case "cps":
		return counted(v, decimals, "c/s")
	case "reqps":
		return counted(v, decimals, "req/s")
	case "iops":
		return counted(v, decimals, "io/s")
	case "s":
		return seconds(v, decimals)
	case "m":
		return longer(v*60, decimals, time.Minute)
	case "h":
		return longer(v*3600, decimals, time.Hour)
	case "dtdurations":
		return duration(v)
	case "dateTimeFromNow":
		return fromNow(time.UnixMilli(int64(v)), now)
	}
	if suffix, ok := strings.CutPrefix(unit, "suffix:"); ok {
		return plain(v) + suffix
	}
	if prefix, ok := strings.CutPrefix(unit, "prefix:"); ok {
		return prefix + plain(v)
	}
	return plain(v)
}

// fixed has so many decimals. Without, it has three digits, and no zeros at its end:
// 99.95 is 100.
func fixed(v float64, decimals precision) string {
	if n := decimals.exactly; n != nil {
		return strconv.FormatFloat(round(v, *n), 'f', *n, 64)
	}
	return strconv.FormatFloat(round(v, max(digits(v), decimals.atLeast)), 'f', -1, 64)
}

// digits are the decimals of a value for which none are given: it has three digits.
func digits(v float64) int {
	abs := math.Abs(v)
	if abs == math.Trunc(abs) {
		return 0
	}
	return max(0, 2-int(math.Floor(math.Log10(abs))))
}

func round(v float64, decimals int) float64 {
	f := math.Pow(10, float64(decimals))
	r := math.Round(v*f) / f
	switch {
	case math.IsNaN(r) || math.IsInf(r, 0):
		return v
	case r == 0:
		return 0 // and not -0
	}
	return r
}

// scaled divides by factor until the number is short, and names the result.
func scaled(v, factor float64, decimals precision, names ...string) string {
	n := 0
	if v != 0 {
		n = int(math.Floor(math.Log(math.Abs(v))/math.Log(factor) + 1e-9))
	}
	n = min(max(n, 0), len(names)-1)
	return fixed(v/math.Pow(factor, float64(n)), decimals) + names[n]
}

func counted(v float64, decimals precision, of string) string {
	return scaled(v, 1000, decimals, " "+of, "K "+of, "M "+of, "B "+of, "T "+of)
}

// seconds are written in what they are few of.
func seconds(v float64, decimals precision) string {
	switch abs := math.Abs(v); {
	case abs == 0:
		return fixed(0, decimals) + " s"
	case abs < 1e-6:
		return fixed(v*1e9, decimals) + " ns"
	case abs < 1e-3:
		return fixed(v*1e6, decimals) + " µs"
	case abs < 1:
		return fixed(v*1e3, decimals) + " ms"
	}
	return longer(v, decimals, time.Second)
}

// longer are seconds in units from least on.
func longer(v float64, decimals precision, least time.Duration) string {
	const hour, day = time.Hour, 24 * time.Hour
	for _, u := range []struct {
		of, below time.Duration
		name, one string
	}{
		{time.Second, time.Minute, " s", " s"},
		{time.Minute, hour, " mins", " min"},
		{hour, day, " hours", " hour"},
		{day, 7 * day, " days", " day"},
		{7 * day, 365 * day, " weeks", " week"},
	} {
		if u.of < least || math.Abs(v) >= u.below.Seconds() {
			continue
		}
		text := fixed(v/u.of.Seconds(), decimals)
		if text == "1" {
			return text + u.one
		}
		return text + u.name
	}
	return fixed(v/(365.25*24*3600), decimals) + " years"
}

// duration is the greatest whole unit alone: 3 days.
func duration(v float64) string {
	if v == 0 {
		return "0 seconds"
	}
	if v < 0 {
		return duration(-v) + " ago"
	}
	for _, u := range []struct {
		seconds float64
		name    string
	}{
		{365 * 24 * 3600, "year"},
		{30 * 24 * 3600, "month"},
		{7 * 24 * 3600, "week"},
		{24 * 3600, "day"},
		{3600, "hour"},
		{60, "minute"},
		{1, "second"},
		{0.001, "millisecond"},
	} {
		if n := math.Floor(v / u.seconds); n >= 1 {
			return plural(n, u.name)
		}
	}
	return "0 milliseconds"
}

func plural(n float64, name string) string {
	if n != 1 {
		name += "s"
	}
	return fmt.Sprintf("%.0f %s", n, name)
}

// fromNow says how long ago a time was.
func fromNow(at, now time.Time) string {
	d := now.Sub(at)
	about := d.Abs().Seconds()
	text := "a few seconds"
	for _, u := range []struct {
		from, seconds float64
		one, name     string
	}{
		{45, 60, "a minute", "minute"},
		{45 * 60, 3600, "an hour", "hour"},
		{22 * 3600, 24 * 3600, "a day", "day"},
		{26 * 24 * 3600, 30.4 * 24 * 3600, "a month", "month"},
		{320 * 24 * 3600, 365 * 24 * 3600, "a year", "year"},
	} {
		if about < u.from {
			break
		}
		text = u.one
		if n := math.Round(about / u.seconds); n > 1 {
			text = plural(n, u.name)
		}
	}
	if d < 0 {
		return "in " + text
	}
	return text + " ago"
}
