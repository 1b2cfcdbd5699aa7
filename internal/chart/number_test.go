package chart

import (
	"math"
	"testing"
)

func TestNumbersReadWell(t *testing.T) {
	tests := []struct{ got, want string }{
		{Percent(0), "0%"},
		{Percent(0.000123), "0.0123%"},
		{Percent(0.5), "50%"},
		{Percent(1), "100%"},
		{Percent(1e-9), "<0.0001%"},
		{Percent(12.5), "1,250%"},
		{ExactPercent(0.9995), "99.95%"},
		{ExactPercent(1 - 0.999), "0.1%"},
		{Significant(0.0123456, 3), "0.0123"},
		{Significant(1234567, 3), "1,234,567"},
		{Significant(-1234.5, 5), "-1,234.5"},
		{Significant(math.NaN(), 3), None},
		{Significant(math.Inf(1), 3), None},
		{Significant(1e-300, 3), "1e-300"},
		{Significant(0.9999, 2), "1"},
		{Count(4120), "4,120"},
		{Count(999), "999"},
		{Count(-1000), "-1,000"},
		{Seconds(0), "0 s"},
		{Seconds(0.0042), "4.2 ms"},
		{Seconds(0.0996), "0.1 s"},
		{Seconds(6), "6 s"},
		{Seconds(6.04), "6 s"},
		{Seconds(9.96), "10 s"},
		{Seconds(61), "61 s"},
		{Seconds(216), "3 min 36 s"},
		{Seconds(3900), "1 h 05 min"},
		{Seconds(-3), "−3 s"},
		{Plural(1, "target"), "1 target"},
		{Plural(1200, "target"), "1,200 targets"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
