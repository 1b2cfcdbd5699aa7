package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// measuringModules are the libraries whose versions a reader of the evidence
// wants to know: they inject, measure or judge.
var measuringModules = [...]string{ //nolint:gochecknoglobals // A constant list.
	"github.com/prometheus/prometheus",
	"github.com/Shopify/toxiproxy/v2",
	"github.com/tsenart/vegeta/v12",
	"github.com/chaos-mesh/chaos-mesh/api",
}

// tool says which program this is.
func tool() result.Tool {
	t := result.Tool{
		Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPUs: runtime.NumCPU(), Modules: map[string]string{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return t
	}
	for _, m := range info.Deps {
		for _, name := range measuringModules {
			if m.Path == name {
				t.Modules[name] = m.Version
			}
		}
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			t.Revision = setting.Value + t.Revision
		case setting.Key == "vcs.modified" && setting.Value == "true":
			t.Revision += "+dirty"
		}
	}
	return t
}

// executableDigest is that of this program, or empty where it cannot be read, which is
// missed when the report is attached to an image and at no other time. It takes some
// tenths of a second.
func executableDigest() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return fileDigest(path)
}

// fileDigest is sha256 and the hexadecimal digest of a file, or empty where it cannot be
// read.
func fileDigest(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // Only read.
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
