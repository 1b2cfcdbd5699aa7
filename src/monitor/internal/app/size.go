package app

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag that is a number of bytes, as 8MiB.
type size int

type unit struct {
	suffix string
	bytes  float64
}

// units are those that a size can have, the largest first.
func units() []unit { return []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} }

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	number, factor := text, 1.0
	for _, u := range units() {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			number, factor = rest, u.bytes
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*factor > 1<<40 {
		return fmt.Errorf("%q is not a size; write a number of bytes, or one with KiB, MiB or GiB", text)
	}
	*s = size(v * factor)
	return nil
}

// String implements pflag.Value.
func (s *size) String() string {
	for _, u := range units() {
		if *s > 0 && float64(*s) == math.Trunc(float64(*s)/u.bytes)*u.bytes {
			return strconv.FormatInt(int64(float64(*s)/u.bytes), 10) + u.suffix
		}
	}
	return strconv.Itoa(int(*s))
}

// Type implements pflag.Value.
func (s *size) Type() string { return "size" }
