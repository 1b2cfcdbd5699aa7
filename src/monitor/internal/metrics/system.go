package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type systemEmitter struct{ boot, uname, handles, handlesMax *family }

func newSystemEmitter() systemEmitter {
	return systemEmitter{
		boot:       gauge("boot_time_seconds", "When the kernel was started, in seconds since 1970."),
		uname:      gauge("uname_info", "What uname says of the kernel and the host; always 1.", "machine", "nodename", "release", "sysname", "version"),
		handles:    gauge("file_handles", "Files that all processes have open."),
		handlesMax: gauge("file_handles_max", "Files that all processes may have open."),
	}
}

func (e systemEmitter) emit(w *writer, s *sample.Snapshot) {
	sys := s.System
	if sys == nil {
		return
	}
	if sys.BootTime != nil {
		e.boot.send(w, float64(sys.BootTime.Unix()))
	}
	if k := sys.Kernel; k != nil {
		e.uname.send(w, 1, orEmpty(k.Machine), orEmpty(sys.Hostname), k.Release, k.Name, k.Version)
	}
	if f := sys.FileHandles; f != nil {
		e.handles.send(w, float64(f.Allocated))
		e.handlesMax.send(w, float64(f.Max))
	}
}

// orEmpty is empty for what is not known.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
