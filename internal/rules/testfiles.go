package rules

import (
	"errors"
	"path/filepath"

	"github.com/ballast-sre/ballast/internal/rules/ruletest"
	"github.com/ballast-sre/ballast/internal/slo"
)

// generatedDirs are the directories of an alerts directory that hold generated files, and
// may hold others.
func generatedDirs(alertsDir string) []string {
	return []string{filepath.Join(alertsDir, "rules", "prometheus"), filepath.Join(alertsDir, "tests")}
}

// untestable is an SLO that no rule tests can be made for, and why.
type untestable struct {
	slo slo.SLO
	why error
}

// testFiles renders the rule tests of every SLO, as Files does, and lists the SLOs that
// have none.
func testFiles(set slo.Set, o Options) (files map[string][]byte, without []untestable, err error) {
	files = map[string][]byte{}
	for _, s := range set.All() {
		content, err := Tests(s, o)
		switch {
		case errors.Is(err, ruletest.ErrNoSeries):
			without = append(without, untestable{s, err})
		case err != nil:
			return nil, nil, err
		default:
			files["tests/slo-"+s.Name+".yaml"] = append([]byte(header), content...)
		}
	}
	return files, without, nil
}

// untestable finds the SLOs whose selectors no series could match, or whose query no tests
// can be made of.
func (l *linter) untestable(all []untestable) {
	for _, u := range all {
		l.problem(u.slo.File, u.slo.Line, "spec.indicator", "%s", u.why)
	}
}

// Tests makes the rule tests of one SLO in promtool's format, to lie in the directory
// tests beside rules. Its rules are those of From. It is ruletest.ErrNoSeries where no
// series can be thought of that a selector selects, or that a query is good and bad with.
func Tests(s slo.SLO, o Options) ([]byte, error) {
	return ruletest.Make(s, From(s, o), "../rules/prometheus/slo-"+s.Name+".yaml")
}
