package fault

import (
	"strconv"
	"strings"
)

// ParseRate reads a bandwidth as Chaos Mesh writes it and returns bytes per
// second. Units are bit, kbit, mbit, gbit and tbit per second and, for bytes,
// bps, kbps, mbps, gbps and tbps, each a factor of 1000, as in tc.
func ParseRate(text string) (float64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	for _, u := range []struct {
		suffix string
		bytes  float64
	}{
		{"kbit", 1e3 / 8},
		{"mbit", 1e6 / 8},
		{"gbit", 1e9 / 8},
		{"tbit", 1e12 / 8},
		{"kbps", 1e3},
		{"mbps", 1e6},
		{"gbps", 1e9},
		{"tbps", 1e12},
		{"bit", 1.0 / 8},
		{"bps", 1},
	} {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
		if err != nil || n == 0 {
			break
		}
		return float64(n) * u.bytes, nil
	}
	return 0, &RateError{Text: text}
}

// RateError says that a text is not a bandwidth.
type RateError struct{ Text string }

func (e *RateError) Error() string {
	return strconv.Quote(e.Text) + " is not a bandwidth; write a whole number with its unit: \"1mbps\" is a megabyte, \"8mbit\" as much in bits, per second"
}
