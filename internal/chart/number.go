// Package chart draws time series, states and bars as SVG for pages that need neither
// script nor network, and shows numbers as the pages write them. It is pure: series,
// thresholds, annotations and sizes go in, laid out shapes come out; its templates only
// write them down.
package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// None stands where there is no number.
const None = "–"

// Percent shows a ratio with three significant digits: 0.000123 is 0.0123%.
func Percent(ratio float64) string { return PercentTo(ratio, 3) }

// ExactPercent shows an objective or a bound, whose digits all matter.
func ExactPercent(ratio float64) string { return PercentTo(ratio, 8) }

// PercentTo shows a ratio with so many significant digits.
func PercentTo(ratio float64, digits int) string {
	p := ratio * 100
	if p != 0 && math.Abs(p) < 0.0001 {
		return "<0.0001%"
	}
	return Significant(p, digits) + "%"
}

// Significant shows v with so many digits, without trailing zeros and
// with commas from 1,000 on; only what is tiny or huge has an exponent.
func Significant(v float64, digits int) string {
	switch abs := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return None
	case v == 0:
		return "0"
	case abs < 1e-9 || abs >= 1e15:
		return strconv.FormatFloat(v, 'g', digits, 64)
	}
	magnitude := int(math.Floor(math.Log10(math.Abs(v))))
	decimals := max(0, digits-1-magnitude)
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return grouped(s)
}

// Count shows a number of events.
func Count(v float64) string { return grouped(strconv.FormatFloat(math.Round(v), 'f', 0, 64)) }

func grouped(s string) string {
	whole, rest, dot := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dot {
		rest = "." + rest
	}
	return sign + whole + rest
}

// Seconds shows a duration as people say it: 0.4 s, 12 s, 3 min 36 s, 1 h 05 min.
func Seconds(s float64) string {
	if s < 0 {
		return "−" + Seconds(-s)
	}
	switch {
	case s == 0:
		return "0 s"
	case s < 0.0995:
		return Significant(s*1000, 2) + " ms"
	case s < 9.95:
		return strings.TrimSuffix(strconv.FormatFloat(s, 'f', 1, 64), ".0") + " s"
	case s < 119.5:
		return strconv.FormatFloat(s, 'f', 0, 64) + " s"
	}
	d := time.Duration(math.Round(s)) * time.Second
	if d < time.Hour {
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// Plural joins a number and its noun: 1 target, 3 targets.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(float64(n)) + " " + noun
}
