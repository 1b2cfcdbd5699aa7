package experiment

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// ErrNoExperiment is returned when the paths and the selection leave nothing to run.
var ErrNoExperiment = errors.New("no experiment matches")

// Problem is one thing that is wrong with a document.
type Problem = fault.Problem

// Problems is every problem of every file, ordered by file and line. Reach it
// with errors.As: nothing may be started then.
type Problems []Problem

// Error lists them, one a line.
func (p *Problems) Error() string {
	lines := make([]string, len(*p))
	for i, one := range *p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// problemsOf makes the error of what was found, nil when that is nothing.
func problemsOf(found []Problem) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
	})
	p := Problems(slices.Compact(found))
	return &p
}
