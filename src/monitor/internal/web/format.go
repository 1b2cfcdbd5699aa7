package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// none stands for a figure that there is not.
const none = "–"

// Format says how a figure is written. The script has the same formats; the
// rows of testdata/formats.json are tests of both.
type Format string

// The formats there are.
const (
	Text      Format = "text"      // as it is
	Bytes     Format = "bytes"     // bytes, in binary units
	Rate      Format = "rate"      // bytes a second
	Bits      Format = "bits"      // bytes a second, as bits
	Percent   Format = "percent"   // 0 to 100
	Share     Format = "share"     // seconds of each second, in percent
	Count     Format = "count"     // a whole number
	Plain     Format = "plain"     // a whole number that counts nothing
	PerSecond Format = "persecond" // events a second
	Number    Format = "number"    // three digits
	Seconds   Format = "seconds"   // a length of time
	Hertz     Format = "hertz"     // of a processor
	Moment    Format = "moment"    // RFC 3339, in UTC
	Ago       Format = "ago"       // RFC 3339, as the time since then
	Bool      Format = "bool"      // yes or no
	Whose     Format = "whose"     // true for the host's figures
	Fullest   Format = "fullest"   // the fullest of a list of file systems
)

// write returns a value of a snapshot as it is shown at a moment.
func (f Format) write(v any, now time.Time) string {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return none
		}
		return f.number(v)
	case bool:
		return f.truth(v)
	case string:
		return f.text(v, now)
	case []any:
		return fullest(v)
	default:
		return none
	}
}

func (f Format) number(v float64) string {
	switch f {
	case Bytes:
		return scaled(v, 1024, "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
	case Rate:
		return scaled(v, 1024, "B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s", "EiB/s")
	case Bits:
		return scaled(8*v, 1000, "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")
	case Hertz:
		return scaled(v, 1000, "Hz", "kHz", "MHz", "GHz")
	case Percent:
		return strconv.FormatFloat(v, 'f', 1, 64) + "%"
	case Share:
		return strconv.FormatFloat(100*v, 'f', 1, 64) + "%"
	case PerSecond:
		return digits(v) + "/s"
	case Seconds:
		return length(v)
	case Count:
		return grouped(v)
	case Plain:
		return strconv.FormatFloat(v, 'f', 0, 64)
	default:
		return digits(v)
	}
}

func (f Format) truth(v bool) string {
	switch {
	case f == Whose && v:
		return "the host's"
	case f == Whose:
		return "this container's"
	case v:
		return "yes"
	default:
		return "no"
	}
}

func (f Format) text(v string, now time.Time) string {
	if v == "" {
		return none
	}
	if f != Moment && f != Ago {
		return v
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	switch {
	case err != nil:
		return v
	case f == Ago:
		return length(math.Round(max(0, now.Sub(t).Seconds())))
	default:
		return t.UTC().Format("2006-01-02 15:04:05 UTC")
	}
}

// scaled writes a value in the largest unit in which it is at least 1.
func scaled(v, step float64, units ...string) string {
	i := 0
	for math.Abs(v) >= step && i < len(units)-1 {
		v /= step
		i++
	}
	if i == 0 {
		return digits(v) + " " + units[0]
	}
	return digits(v) + " " + units[i]
}

// digits writes three significant digits, and all before the point.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95 || v == math.Trunc(v):
		return grouped(v)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// grouped writes a whole number with a comma before each three digits.
func grouped(v float64) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	var b strings.Builder
	if v < 0 && text != "0" {
		b.WriteByte('-')
	}
	for i, digit := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// length writes a length of time in its two largest units.
func length(seconds float64) string {
	if seconds < 60 {
		return digits(seconds) + " s"
	}
	whole := int64(seconds)
	switch {
	case whole < 3600:
		return fmt.Sprintf("%d min %d s", whole/60, whole%60)
	case whole < 86400:
		return fmt.Sprintf("%d h %d min", whole/3600, whole%3600/60)
	default:
		return fmt.Sprintf("%s d %d h", grouped(float64(whole/86400)), whole%86400/3600)
	}
}

func fullest(filesystems []any) string {
	most, where := -1.0, ""
	for _, f := range filesystems {
		used, ok := at(f, "usage.usedPercent").(float64)
		if name, named := at(f, "mountpoint").(string); ok && named && used > most {
			most, where = used, name
		}
	}
	if most < 0 {
		return none
	}
	return Percent.number(most) + " of " + where
}
