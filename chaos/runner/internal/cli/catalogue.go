package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// catalogue is what SLO documents and rule files say.
type catalogue struct {
	slos      slo.Set
	noSLOs    string // why there are none, and the fix; empty: there are
	ruleFiles []string
	alerts    []slo.AlertModel
	noRules   string // as noSLOs
}

// sourceDir is a directory of SLOs or rules.
type sourceDir struct {
	path  string
	flag  string // that names it
	named bool   // by that flag
}

func (c *commonFlags) sloDir() sourceDir {
	if c.slos != "" {
		return sourceDir{path: c.slos, flag: "slos", named: true}
	}
	return sourceDir{path: filepath.Join(c.root, "alerts", "slo"), flag: "slos"}
}

func (c *commonFlags) ruleDir() sourceDir {
	if c.rules != "" {
		return sourceDir{path: c.rules, flag: "rules", named: true}
	}
	return sourceDir{path: filepath.Join(c.root, "alerts", "rules", "prometheus"), flag: "rules"}
}

// catalogue reads SLOs and rules. A directory that was named has to have some;
// of one that was not, those that need it hear why there are none.
func (c *commonFlags) catalogue(log *slog.Logger) (catalogue, error) {
	var cat catalogue
	if err := c.checkRoot(); err != nil {
		return cat, err
	}
	sloFiles, noSLOs, err := c.sloDir().files(log)
	ruleFiles, noRules, ruleErr := c.ruleDir().files(log)
	if err := together(err, ruleErr); err != nil {
		return cat, err
	}
	cat.noSLOs, cat.noRules, cat.ruleFiles = noSLOs, noRules, ruleFiles
	if cat.slos, err = slo.Load(sloFiles...); err == nil && noSLOs == "" && len(cat.slos.Names()) == 0 {
		cat.noSLOs = c.sloDir().lacks("SLO")
	}
	groups, ruleErr := rules.Load(ruleFiles...)
	if err := together(err, ruleErr); err != nil {
		return cat, err
	}
	some := false
	for _, g := range groups {
		some = some || len(g.Rules) > 0
	}
	if noRules == "" && !some {
		cat.noRules = c.ruleDir().lacks("rule")
	}
	if err := c.checkNamed(cat); err != nil {
		return cat, err
	}
	if cat.alerts, err = rules.Models(groups, cat.slos); err != nil {
		return cat, document.Problems{{File: c.ruleDir().path, Message: err.Error()}}
	}
	return cat, nil
}

// onlySLOs is the catalogue of who asks for no alert: no rule is read, nor held against
// the SLOs.
func (c *commonFlags) onlySLOs(log *slog.Logger) (cat catalogue, err error) {
	if err := c.checkRoot(); err != nil {
		return cat, err
	}
	files, noSLOs, err := c.sloDir().files(log)
	if err != nil {
		return cat, err
	}
	cat.noSLOs = noSLOs
	if cat.slos, err = slo.Load(files...); err == nil && noSLOs == "" && len(cat.slos.Names()) == 0 {
		cat.noSLOs = c.sloDir().lacks("SLO")
	}
	return cat, err
}

// checkRoot refuses a root that was named and is not a directory.
func (c *commonFlags) checkRoot() error {
	if !c.set.Changed("root") {
		return nil
	}
	switch info, err := os.Stat(c.root); {
	case errors.Is(err, fs.ErrPermission):
		return document.Problems{{File: c.root, Message: "cannot be read: permission denied; make it readable or name another directory with --root"}}
	case err != nil:
		return usageError{fmt.Errorf("--root %s: %w; name the directory that has alerts/slo", c.root, err)}
	case !info.IsDir():
		return usageError{fmt.Errorf("--root %s is not a directory; name the one that has alerts/slo", c.root)}
	}
	return nil
}

// checkNamed refuses what was named and has nothing to read.
func (c *commonFlags) checkNamed(cat catalogue) error {
	var errs []error
	for _, d := range []struct {
		sourceDir
		why string
	}{{c.sloDir(), cat.noSLOs}, {c.ruleDir(), cat.noRules}} {
		if d.named && d.why != "" {
			errs = append(errs, fmt.Errorf("--%s: %s", d.flag, d.why))
		}
	}
	// A root is fine that has one of both.
	if c.set.Changed("root") && (c.slos != "" || cat.noSLOs != "") && (c.rules != "" || cat.noRules != "") && (c.slos == "" || c.rules == "") {
		errs = append(errs, fmt.Errorf("--root %s has no SLO and no rule below alerts; name the directory that has alerts/slo", c.root))
	}
	if len(errs) > 0 {
		return usageError{errors.Join(errs...)}
	}
	return nil
}

// files lists what the directory holds. why says that there is nothing, and the
// fix; the error is of a directory that cannot be read.
func (d sourceDir) files(log *slog.Logger) (files []string, why string, err error) {
	found, err := document.Files(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Sprintf("%s does not exist; name the checkout with --root, or the directory with --%s", d.path, d.flag), nil
	}
	if err != nil {
		return nil, "", err
	}
	for _, s := range found.Skipped {
		warnSkipped(log)(s)
	}
	if len(found.Files) == 0 {
		why = d.lacks(".yaml or .yml file")
	}
	return found.Files, why, nil
}

func (d sourceDir) lacks(what string) string {
	return fmt.Sprintf("%s has no %s; name the checkout with --root, or another directory with --%s", d.path, what, d.flag)
}

func warnSkipped(log *slog.Logger) func(document.Skipped) {
	return func(s document.Skipped) { log.Warn("skipped", "path", s.Path, "reason", s.Why) }
}

// together joins the problems of several sources into one list. Another error is
// returned by itself.
func together(errs ...error) error {
	var all []document.Problem
	for _, err := range errs {
		var found document.Problems
		switch {
		case err == nil:
		case errors.As(err, &found):
			all = append(all, found...)
		default:
			return err
		}
	}
	return document.Err(all)
}

// experiments reads and validates the documents named on the command line.
func (c *commonFlags) experiments(s streams, log *slog.Logger, paths []string, selected map[string]string) ([]experiment.Experiment, catalogue, error) {
	cat, err := c.catalogue(log)
	if err != nil {
		return nil, cat, c.refused(s, err)
	}
	xs, err := experiment.Load(paths, experiment.Options{
		SLOs: cat.slos, NoSLOs: cat.noSLOs,
		// An empty list still checks: no alert exists then.
		Alerts: append([]slo.AlertModel{}, cat.alerts...), NoAlerts: cat.noRules,
		Select: selected, Stdin: s.in, Skipped: warnSkipped(log),
	})
	return xs, cat, c.refused(s, err)
}

// refused prints the problems of invalid documents for machines, too.
func (c *commonFlags) refused(s streams, err error) error {
	var found document.Problems
	if c.format == formatJSON && errors.As(err, &found) {
		return errors.Join(err, printProblems(s.out, found))
	}
	return err
}
