package rules

import (
	"errors"
	"path/filepath"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/rules/ruletest"
	"github.com/ballast-sre/ballast/internal/slo"
)

// generatedDirs are the directories of an alerts directory that hold generated files, and
// may hold others.
func generatedDirs(alertsDir string) []string {
	return []string{filepath.Join(alertsDir, "rules", "prometheus"), filepath.Join(alertsDir, "tests")}
}

// testFiles renders the rule tests of every SLO, as Files does.
func testFiles(alertsDir string, o Options) (map[string][]byte, error) {
	set, err := slo.Load(filepath.Join(alertsDir, "slo"))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, s := range set.All() {
		content, err := Tests(s, o)
		if errors.Is(err, ruletest.ErrNoSeries) || errors.Is(err, ruletest.ErrSlices) {
			continue // the linter finds or notes it
		}
		if err != nil {
			return nil, err
		}
		files["tests/slo-"+s.Name+".yaml"] = append([]byte(header), content...)
	}
	return files, nil
}

// tested checks that rule tests can be made for the SLO.
func (l *linter) tested(s slo.SLO) {
	const field = "spec.indicator"
	_, err := Tests(s, l.options)
	switch {
	case errors.Is(err, ruletest.ErrSlices):
		if l.options.Note != nil {
			l.options.Note(document.Problem{File: s.File, Line: s.Line, Field: field, Message: err.Error()})
		}
	case err != nil:
		l.problem(s.File, s.Line, field, "%s", err)
	}
}

// Tests makes the rule tests of one SLO in promtool's format, to lie in the directory
// tests beside rules. Its rules are those of From. It is ruletest.ErrNoSeries where no
// series can be thought of that a selector selects, and ruletest.ErrSlices for one that
// judges time.
func Tests(s slo.SLO, o Options) ([]byte, error) {
	return ruletest.Make(s, From(s, o), "../rules/prometheus/slo-"+s.Name+".yaml")
}
