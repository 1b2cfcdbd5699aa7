package preview

import (
	"math"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

func TestValuesAreWrittenAsGrafanaDoes(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	ago := func(d time.Duration) float64 { return float64(now.Add(-d).UnixMilli()) }
	three := 3
	for _, tc := range []struct {
		v        float64
		unit     string
		decimals precision
		want     string
	}{
		{0.9995, units.PercentUnit, precision{}, "100%"}, // three digits: why ratios near 1 have decimals of their own
		{0.9995, units.PercentUnit, precision{exactly: &three}, "99.950%"},
		{0.9995, units.PercentUnit, precision{atLeast: 2}, "99.95%"},
		{-0.25, units.PercentUnit, precision{}, "-25%"},
		{12.5, units.Percent, precision{}, "12.5%"},
		{0, units.Short, precision{}, "0"},
		{999, units.Short, precision{}, "999"},
		{1000, units.Short, precision{}, "1 K"},
		{1234567, units.Short, precision{}, "1.23 Mil"},
		{1234567, units.Number, precision{}, "1234567"},
		{14.44444, "suffix:x", precision{}, "14.4x"},
		{3, "prefix:~", precision{}, "~3"},
		{0.00000012, units.Seconds, precision{}, "120 ns"},
		{0.000012, units.Seconds, precision{}, "12 µs"},
		{0.0123, units.Seconds, precision{}, "12.3 ms"},
		{0, units.Seconds, precision{}, "0 s"},
		{12, units.Seconds, precision{}, "12 s"},
		{60, units.Seconds, precision{}, "1 min"},
		{90, units.Seconds, precision{}, "1.5 mins"},
		{7200, units.Seconds, precision{}, "2 hours"},
		{3 * 86400, units.Seconds, precision{}, "3 days"},
		{30 * 86400, units.Seconds, precision{}, "4.29 weeks"},
		{2 * 365.25 * 86400, units.Seconds, precision{}, "2 years"},
		{0.5, units.Minutes, precision{}, "0.5 mins"},
		{43.2, units.Minutes, precision{}, "43.2 mins"},
		{120, units.Minutes, precision{}, "2 hours"},
		{0.5, units.Hours, precision{}, "0.5 hours"},
		{48, units.Hours, precision{}, "2 days"},
		{0, units.DurationSeconds, precision{}, "0 seconds"},
		{200000, units.DurationSeconds, precision{}, "2 days"},
		{61, units.DurationSeconds, precision{}, "1 minute"},
		{ago(10 * time.Second), units.DateTimeFromNow, precision{}, "a few seconds ago"},
		{ago(time.Minute), units.DateTimeFromNow, precision{}, "a minute ago"},
		{ago(5 * time.Minute), units.DateTimeFromNow, precision{}, "5 minutes ago"},
		{ago(3 * time.Hour), units.DateTimeFromNow, precision{}, "3 hours ago"},
		{ago(50 * time.Hour), units.DateTimeFromNow, precision{}, "2 days ago"},
		{ago(-5 * time.Minute), units.DateTimeFromNow, precision{}, "in 5 minutes"},
		{1536, units.BytesIEC, precision{}, "1.5 KiB"},
		{1024 * 1024, units.BytesIEC, precision{}, "1 MiB"},
		{1 << 30, units.BytesPerSecondIEC, precision{}, "1 GiB/s"},
		{1500, units.PacketsPerSecond, precision{}, "1.5 kp/s"},
		{20, units.RequestsPerSecond, precision{}, "20 req/s"},
		{1200, units.CountsPerSecond, precision{}, "1.2K c/s"},
		{3, units.IOOpsPerSecond, precision{}, "3 io/s"},
		{math.NaN(), units.Short, precision{}, "NaN"},
		{math.Inf(1), units.Short, precision{}, "+∞"},
		{-0.0001, units.Number, precision{exactly: new(int)}, "0"},
	} {
		if got := inUnit(tc.v, tc.unit, tc.decimals, now); got != tc.want {
			t.Errorf("%v in %q: %q, want %q", tc.v, tc.unit, got, tc.want)
		}
	}
}
