package promserver

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/prometheus/util/annotations"
)

func (a *api) buildInfo(*http.Request) (any, annotations.Annotations, error) {
	info, _ := debug.ReadBuildInfo()
	return map[string]string{
		"version":   version(info),
		"revision":  "",
		"branch":    "",
		"buildUser": "",
		"buildDate": "",
		"goVersion": runtime.Version(),
	}, nil, nil
}

// version is that of the Prometheus library, as Prometheus numbers its releases:
// module v0.315.0 is release 3.15.0. Grafana chooses its features by it. It is
// 3.0.0, which promises nothing newer, when the build does not say.
func version(info *debug.BuildInfo) string {
	const unknown = "3.0.0"
	if info == nil {
		return unknown
	}
	for _, dep := range info.Deps {
		if dep.Path != "github.com/prometheus/prometheus" {
			continue
		}
		if dep.Replace != nil {
			dep = dep.Replace
		}
		digits, patch, ok := strings.Cut(strings.TrimPrefix(dep.Version, "v0."), ".")
		if !ok || len(digits) != 3 {
			return unknown
		}
		return digits[:1] + "." + strings.TrimPrefix(digits[1:], "0") + "." + patch
	}
	return unknown
}
