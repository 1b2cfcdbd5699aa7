package host

import (
	"errors"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Pressure is how long tasks were held up by the lack of one resource (PSI,
// since Linux 4.20). See Documentation/accounting/psi.rst of the kernel.
type Pressure struct {
	// Some is the time in which at least one task waited.
	Some Stall `json:"some"`
	// Full is the time in which all tasks waited that were not idle; nil
	// where the kernel does not count it, as for processors.
	Full *Stall `json:"full"`
}

// Stall is the share of time that tasks lost.
type Stall struct {
	// Percent10s, Percent60s and Percent300s are averages over so many
	// seconds, 0 to 100.
	Percent10s  float64 `json:"percent10s"`
	Percent60s  float64 `json:"percent60s"`
	Percent300s float64 `json:"percent300s"`
	// Seconds is the whole time since boot.
	Seconds float64 `json:"seconds"`
}

// The resources whose pressure the kernel counts.
const (
	cpuPressure    = "cpu"
	memoryPressure = "memory"
	ioPressure     = "io"
)

// pressure returns the pressure on a resource. It is nil, and that is no
// problem, on a kernel that does not count it; the report names a file that
// cannot be read for another reason.
func (h *Host) pressure(resource string, rep *Report) *Pressure {
	p := pressureOf(h.procPath("pressure", resource), rep)
	if p != nil && resource == cpuPressure {
		p.Full = nil // always zero: the kernel does not define it for a whole machine
	}
	return p
}

// pressureOf reads a file in the format of PSI.
func pressureOf(path string, rep *Report) *Pressure {
	content, err := readAll(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.EOPNOTSUPP):
		return nil
	case err != nil:
		rep.lacks(path, err)
		return nil
	}
	var p Pressure
	some := false
	for line := range strings.Lines(content) {
		kind, stall, ok := parseStall(line)
		switch {
		case ok && kind == "some":
			p.Some, some = stall, true
		case ok && kind == "full":
			p.Full = &stall
		default:
			rep.skipUnlessBlank(path, line)
		}
	}
	if !some {
		rep.lacks(path, ErrEmpty)
		return nil
	}
	return &p
}

// parseStall reads a line such as
// "some avg10=0.50 avg60=0.25 avg300=0.12 total=1234", total in microseconds.
func parseStall(line string) (kind string, s Stall, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 5 {
		return "", s, false
	}
	found := 0
	for _, f := range fields[1:] {
		name, value, _ := strings.Cut(f, "=")
		if name == "total" {
			us, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				return "", s, false
			}
			s.Seconds = float64(us) / 1e6
			found++
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(v) || v < 0 || v > 100 {
			return "", s, false
		}
		switch name {
		case "avg10":
			s.Percent10s = v
		case "avg60":
			s.Percent60s = v
		case "avg300":
			s.Percent300s = v
		default:
			continue // a later kernel may have more
		}
		found++
	}
	return fields[0], s, found == 4
}
