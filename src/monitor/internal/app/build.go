package app

import (
	"runtime"
	"runtime/debug"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
)

// readBuild returns what the go command stamped into the binary: a linker
// flag could be forgotten, this cannot.
func readBuild() httpapi.Build {
	b := httpapi.Build{
		Version:   "unknown",
		Revision:  "unknown",
		GoVersion: runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if b.Revision != "unknown" {
		b.Revision += dirty
	}
	return b
}
