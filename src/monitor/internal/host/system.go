package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// System is what there is to know about the machine as a whole. What cannot
// be read is nil.
type System struct {
	// BootTime is when the kernel was started, by the clock as it is set now.
	BootTime *time.Time `json:"bootTime"`
	Hostname *string    `json:"hostname"`
	Kernel   *Kernel    `json:"kernel"`
	// FileHandles are the files that all processes have open.
	FileHandles *FileHandles `json:"fileHandles"`
	// Temperatures are those of the sensors that answered, sorted by chip and
	// sensor; null while they are left alone because they take long to read.
	Temperatures []Temperature `json:"temperatures"`
}

// Kernel is what uname says.
type Kernel struct {
	Name    string `json:"name"`    // Linux
	Release string `json:"release"` // 6.12.0-1-amd64
	Version string `json:"version"` // #1 SMP PREEMPT_DYNAMIC Debian …
	// Machine is the architecture (x86_64); nil where it is not known.
	Machine *string `json:"machine"`
}

// FileHandles is how many files are open, and how many may be.
type FileHandles struct {
	Allocated uint64 `json:"allocated"`
	Max       uint64 `json:"max"`
}

// System returns the facts of the machine. It fails without any but
// temperatures. It blocks as long as the procfs and a sensor do.
func (h *Host) System(context.Context) (System, Report, error) {
	var rep Report
	s := System{BootTime: h.bootTime(&rep), Kernel: h.kernel(&rep), FileHandles: h.fileHandles(&rep)}
	if s.BootTime == nil && s.Kernel == nil && s.FileHandles == nil {
		var errs []error
		missing := true
		for _, p := range rep.Files {
			missing = missing && p.Reason == Missing
			errs = append(errs, fmt.Errorf("%s: %s", p.Path, p.Detail))
		}
		err := fmt.Errorf("read the facts of the system: %w", errors.Join(errs...))
		if missing {
			err = fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return System{}, rep, err
	}
	s.Temperatures = h.temperatures(&rep)
	if s.Hostname = h.hostname(&rep); s.Hostname != nil {
		host, known := h.scopeOfHostname()
		rep.scoped("hostname", host, known, ownHostname)
	}
	return s, rep, nil
}

func (h *Host) bootTime(rep *Report) *time.Time {
	content, path, err := h.read("stat")
	if err != nil {
		rep.lacks(path, err)
		return nil
	}
	for line := range strings.Lines(content) {
		text, ok := strings.CutPrefix(line, "btime ")
		if !ok {
			continue
		}
		seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || seconds <= 0 || seconds >= 1<<40 {
			rep.skipUnlessBlank(path, line)
			continue
		}
		t := time.Unix(seconds, 0).UTC()
		return &t
	}
	rep.lacks(path, fmt.Errorf("no time of the start: %w", ErrEmpty))
	return nil
}

func (h *Host) kernel(rep *Report) *Kernel {
	var k Kernel
	for _, f := range []struct {
		name string
		into *string
	}{{"ostype", &k.Name}, {"osrelease", &k.Release}, {"version", &k.Version}} {
		content, path, err := h.read("sys", "kernel", f.name)
		if err != nil {
			rep.lacks(path, err)
			return nil
		}
		*f.into = clean(strings.TrimSpace(content))
	}
	k.Machine = h.machine(k)
	return &k
}

// machine returns the architecture. Before Linux 6.1 no file has it, and this
// process's own kernel is asked if it is the same one.
func (h *Host) machine(k Kernel) *string {
	if content, _, err := h.read("sys", "kernel", "arch"); err == nil {
		arch := clean(strings.TrimSpace(content))
		return &arch
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil || unix.ByteSliceToString(u.Release[:]) != k.Release || unix.ByteSliceToString(u.Version[:]) != k.Version {
		return nil
	}
	machine := clean(unix.ByteSliceToString(u.Machine[:]))
	return &machine
}

func (h *Host) fileHandles(rep *Report) *FileHandles {
	content, path, err := h.read("sys", "fs", "file-nr")
	if err != nil {
		rep.lacks(path, err)
		return nil
	}
	v, err := counters(strings.Fields(content))
	if err != nil || len(v) != 3 {
		rep.lacks(path, fmt.Errorf("%w: %q", errMalformed, clean(strings.TrimSpace(content[:min(len(content), 100)]))))
		return nil
	}
	return &FileHandles{Allocated: v[0] - min(v[1], v[0]), Max: v[2]}
}

// hostname returns the host's name. Whatever procfs is asked, it has the name
// of the asking process's namespace, so that another host's is in its root.
func (h *Host) hostname(rep *Report) *string {
	path := h.procPath("sys", "kernel", "hostname")
	switch {
	case h.proc == h.own:
	case h.root == "/":
		rep.lacks(path, fmt.Errorf("%w: the name of the host is in its root: give --host-root", errOtherNamespace))
		return nil
	default:
		path = filepath.Join(h.root, "etc", "hostname")
	}
	content, err := readAll(path)
	name := clean(strings.TrimSpace(content))
	if err == nil && name == "" {
		err = ErrEmpty
	}
	if err != nil {
		rep.lacks(path, err)
		return nil
	}
	return &name
}
