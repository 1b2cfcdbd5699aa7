package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type systemEmitter struct{ boot, uname, handles, handlesMax *family }

// temperatureEmitter sends temperatures by the monitor's own names.
type temperatureEmitter struct{ celsius, most, critical *family }

func newTemperatureEmitter() temperatureEmitter {
	of := func(name, help string) *family { return gauge(name, help, "chip", "driver", "label", "sensor") }
	return temperatureEmitter{
		celsius:  of("temperature_celsius", "What a sensor says."),
		most:     of("temperature_max_celsius", "The highest that a sensor should say, by its driver."),
		critical: of("temperature_critical_celsius", "What a sensor must not say, by its driver."),
	}
}

func (e temperatureEmitter) emit(w *writer, s *sample.Snapshot) {
	if s.System == nil {
		return
	}
	for _, t := range s.System.Temperatures {
		values := []string{t.Chip, t.Driver, t.Label, t.Sensor}
		e.celsius.send(w, t.Celsius, values...)
		if t.MaxCelsius != nil {
			e.most.send(w, *t.MaxCelsius, values...)
		}
		if t.CriticalCelsius != nil {
			e.critical.send(w, *t.CriticalCelsius, values...)
		}
	}
}

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
