package report

import (
	"math"
	"testing"
)

func TestNumbersReadWell(t *testing.T) {
	tests := []struct{ got, want string }{
		{percent(0), "0%"},
		{percent(0.000123), "0.0123%"},
		{percent(0.5), "50%"},
		{percent(1), "100%"},
		{percent(1e-9), "<0.0001%"},
		{percent(12.5), "1,250%"},
		{exactPercent(0.9995), "99.95%"},
		{exactPercent(1 - 0.999), "0.1%"},
		{significant(0.0123456, 3), "0.0123"},
		{significant(1234567, 3), "1,234,567"},
		{significant(-1234.5, 5), "-1,234.5"},
		{significant(math.NaN(), 3), none},
		{significant(math.Inf(1), 3), none},
		{significant(1e-300, 3), "1e-300"},
		{significant(0.9999, 2), "1"},
		{count(4120), "4,120"},
		{count(999), "999"},
		{count(-1000), "-1,000"},
		{seconds(0), "0 s"},
		{seconds(0.0042), "4.2 ms"},
		{seconds(0.0996), "0.1 s"},
		{seconds(6), "6 s"},
		{seconds(6.04), "6 s"},
		{seconds(9.96), "10 s"},
		{seconds(61), "61 s"},
		{seconds(216), "3 min 36 s"},
		{seconds(3900), "1 h 05 min"},
		{seconds(-3), "−3 s"},
		{plural(1, "target"), "1 target"},
		{plural(1200, "target"), "1,200 targets"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
