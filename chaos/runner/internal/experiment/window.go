package experiment

import (
	"regexp"
	"time"

	"github.com/prometheus/common/model"
)

var windowVariable = regexp.MustCompile(`\$(?:\{window\}|window\b)`)

// ExpandWindow puts a duration in place of $window and ${window}. d should be
// whole milliseconds, the precision of PromQL.
func ExpandWindow(expr string, d time.Duration) string {
	return windowVariable.ReplaceAllLiteralString(expr, model.Duration(d).String())
}
