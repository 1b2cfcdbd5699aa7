package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errOtherNamespace reports a file that is about another namespace than the
// figures beside it.
var errOtherNamespace = errors.New("of another namespace than the host's")

// Link is an interface's connection.
type Link struct {
	// State is the operational state of RFC 2863 as the kernel writes it:
	// up, down, lowerlayerdown, dormant, testing, notpresent; unknown for
	// devices that do not have one, such as lo.
	State string `json:"state"`
	// SpeedBytes is the speed in bytes per second; nil where the driver
	// does not say, as without a cable.
	SpeedBytes *uint64 `json:"speedBytesPerSecond"`
}

// Up says whether the link works, and whether that is known.
func (l Link) Up() (up, known bool) { return l.State == "up", l.State != "unknown" }

// links returns what looks up an interface's link by the name that the
// kernel has for it. A sysfs shows the network namespace of who mounted it.
func (h *Host) links(rep *Report) func(name string) *Link {
	class := filepath.Join(h.sys, "class", "net")
	if (h.proc == ownProc) != (h.sys == ownSys) {
		rep.lacks(class, fmt.Errorf("%w: give both --host-proc and --host-sys, or neither", errOtherNamespace))
		return func(string) *Link { return nil }
	}
	return func(name string) *Link {
		if strings.ContainsRune(name, '/') {
			return nil
		}
		dir := filepath.Join(class, name)
		state := attribute(filepath.Join(dir, "operstate"), rep)
		if state == "" {
			return nil
		}
		switch state {
		case "up", "down", "lowerlayerdown", "dormant", "testing", "notpresent", "unknown":
		default:
			rep.skip(filepath.Join(dir, "operstate"), name, state)
			return nil
		}
		return &Link{State: state, SpeedBytes: speed(filepath.Join(dir, "speed"), rep)}
	}
}

// speed reads a file that has megabits per second, or -1 for unknown. Old
// drivers write that as if it were unsigned.
func speed(path string, rep *Report) *uint64 {
	text := attribute(path, rep)
	if text == "" {
		return nil
	}
	megabits, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		rep.skip(path, "speed", text)
		return nil
	}
	if megabits <= 0 || megabits == 1<<16-1 || megabits >= 1<<31-1 {
		return nil
	}
	bytes := uint64(megabits) * 1e6 / 8
	return &bytes
}

// attribute returns the value of a sysfs file. It is empty, and that is no
// problem, where there is none or the driver does not say.
func attribute(path string, rep *Report) string {
	content, err := readAll(path)
	switch {
	case err == nil:
		return strings.TrimSpace(content)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), // gone meanwhile
		errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP): // the link is down, or has no such thing
		return ""
	default:
		rep.lacks(path, fmt.Errorf("read: %w", err))
		return ""
	}
}
