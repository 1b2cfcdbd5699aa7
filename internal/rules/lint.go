package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// leastScrapes is how many scrapes the shortest window has to hold: two make a rate, and
// one in a few is late or lost.
const leastScrapes = 4

// Lint looks for what is wrong with the SLOs, rules and runbooks of a checkout:
// documents that do not decode, generated files that are out of date, alerts
// that select what no program exports (docs/metrics, if it has
// expositions), that fire on one missed scrape, or that lack severity, texts or
// runbook, runbooks without an alert, and windows that are longer than the chart and the
// environments keep samples, or too short for how often they scrape, thresholds that decide
// nothing, an inhibition that does not tell the groups of an SLO apart, and alerts that no
// route takes. It asks no Prometheus. The error is of reading
// only; all findings come back, in the order of files.
func Lint(root string, o Options) (document.Problems, error) {
	l := linter{alerts: filepath.Join(root, "alerts"), runbooks: filepath.Join(root, "docs", "runbooks"), options: o}
	var err error
	if l.known, err = readExpositions(filepath.Join(root, "docs", "metrics")); err != nil {
		return nil, err
	}
	if l.settings, err = readSettings(root); err != nil {
		return nil, err
	}
	set, err := slo.Load(filepath.Join(l.alerts, "slo"))
	var problems document.Problems
	if errors.As(err, &problems) {
		return problems, nil // the rest would only repeat them
	}
	if err != nil {
		return nil, err
	}
	l.slos = set.Names()
	for _, s := range set.All() {
		l.slo(s)
	}
	if err := l.readAlertmanager(); err != nil {
		return nil, err
	}
	l.inhibition(set.All())
	if err := l.generated(); err != nil {
		return nil, err
	}
	if err := l.rules(); err != nil {
		return nil, err
	}
	if err := l.orphans(); err != nil {
		return nil, err
	}
	return l.problems, nil
}

type linter struct {
	alerts, runbooks string
	options          Options
	known            exposition
	names            []string // of all alerts
	slos             []string
	settings         []setting
	alertmanager     alertmanager
	problems         document.Problems
}

func (l *linter) problem(file string, line int, field, format string, args ...any) {
	p := document.Problem{File: file, Line: line, Field: field, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(l.problems, p) { // the tiers of an SLO are rules of one alert
		l.problems = append(l.problems, p)
	}
}

func (l *linter) slo(s slo.SLO) {
	for _, p := range l.settings {
		l.within(s, p)
	}
	l.thresholds(s)
	if s.Slices != nil && s.Slices.Query != "" {
		l.query(s)
		return
	}
	for _, q := range []struct{ what, selector string }{{"good", s.Good}, {"total", s.Total}} {
		const field = "spec.indicator"
		for _, unknown := range l.unknown(q.selector, nil) {
			l.problem(s.File, s.Line, field, "%s events: %s", q.what, unknown)
		}
		if matchers, err := newParser().ParseMetricSelector(q.selector); err == nil && !l.known.counts(nameOf(matchers)) {
			l.problem(s.File, s.Line, field, "%s events: %s is a gauge in docs/metrics, which may fall and counts nothing; select a counter", q.what, nameOf(matchers))
		}
	}
}

// within compares the windows of an SLO with what a Prometheus keeps and how often it
// scrapes.
func (l *linter) within(s slo.SLO, p setting) {
	if s.Slices != nil {
		l.slices(s, p)
	}
	last := longest(s)
	if p.retention > 0 && p.retention < last.Long {
		l.problem(p.file, 0, "prometheus.retention", "%s is shorter than the %s that tier %s of the SLO %s looks back; keep at least %s", window(p.retention), window(last.Long), last.Tier, s.Name, window(last.Long))
	}
	if first := s.Tiers()[0]; p.scrape > 0 && first.Short < leastScrapes*p.scrape {
		l.problem(s.File, s.Line, "spec.timeWindow[0].duration", "the window of %s of tier %s holds fewer than %d scrapes at an interval of %s (%s); scrape more often, or take a longer period", window(first.Short), first.Tier, leastScrapes, window(p.scrape), p.file)
	}
	if p.retention > 0 && p.retention < s.Window && l.options.Note != nil {
		l.options.Note(document.Problem{File: p.file, Field: "prometheus.retention", Message: fmt.Sprintf(
			"keeps %s of the %s of the SLO %s: what is left of its budget is unknown there, and %s says what is known to be spent", window(p.retention), window(s.Window), s.Name, slo.SeriesBudgetSpent)})
	}
}

// unknown explains every selector of the expression that finds nothing in the
// expositions nor among the recorded names.
func (l *linter) unknown(expr string, recorded map[string]bool) []string {
	if len(l.known.series) == 0 {
		return nil
	}
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, matchers := range parser.ExtractSelectors(parsed) {
		name := nameOf(matchers)
		switch {
		case recorded[name] || builtin(name):
		case len(l.known.series[name]) == 0:
			found = append(found, fmt.Sprintf("no exposition in docs/metrics has a metric %q; check its name", name))
		case !l.known.matches(matchers):
			found = append(found, fmt.Sprintf("no series of %s in docs/metrics matches the selector; check its labels", name))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// builtin tells whether Prometheus itself makes a metric, or the client library
// in every program; expositions leave those out because they vary by system.
func builtin(name string) bool {
	if name == "up" || name == "ALERTS" || name == "ALERTS_FOR_STATE" {
		return true
	}
	return slices.ContainsFunc([]string{"scrape_", "process_", "go_"}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

// generated compares the generated files with their sources.
func (l *linter) generated() error {
	files, untestable, err := render(l.alerts, l.options)
	l.untestable(untestable)
	var problems document.Problems
	if errors.As(err, &problems) {
		l.problems = append(l.problems, problems...)
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.stale(files); err != nil {
		return err
	}
	for _, rel := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(l.alerts, filepath.FromSlash(rel))
		content, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			l.problem(file, 0, "", "is missing; run ballast slo generate")
		case err != nil:
			return fmt.Errorf("read generated rules: %w", err)
		case !bytes.Equal(content, files[rel]):
			l.problem(file, 0, "", "differs from its source; run ballast slo generate")
		}
	}
	return nil
}

// stale finds generated files whose source is gone.
func (l *linter) stale(files map[string][]byte) error {
	var present []string
	for _, dir := range generatedDirs(l.alerts) {
		found, err := expand([]string{dir})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		present = append(present, found...)
	}
	for _, file := range present {
		rel, err := filepath.Rel(l.alerts, file)
		if err != nil {
			return fmt.Errorf("place generated rules: %w", err)
		}
		if _, wanted := files[filepath.ToSlash(rel)]; wanted {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read generated rules: %w", err)
		}
		if strings.HasPrefix(string(content), header) {
			l.problem(file, 0, "", "its source is gone; run ballast slo generate, which removes it")
		}
	}
	return nil
}

func (l *linter) rules() error {
	files, err := expand([]string{filepath.Join(l.alerts, "rules", "prometheus")})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // already noted, file by file
	}
	if err != nil {
		return err
	}
	byFile := map[string][]rulefmt.RuleGroup{}
	recorded := map[string]bool{}
	for _, file := range files {
		groups, err := Load(file)
		var problems document.Problems
		if errors.As(err, &problems) {
			l.problems = append(l.problems, problems...)
			continue
		}
		if err != nil {
			return err
		}
		byFile[file] = groups
		for _, g := range groups {
			for _, r := range g.Rules {
				recorded[r.Record] = true
			}
		}
	}
	groups := 0
	for _, file := range files {
		groups += len(byFile[file])
		for _, g := range byFile[file] {
			for _, problem := range azure(g) {
				l.problem(file, 0, "group "+g.Name, "%s", problem)
			}
			for _, r := range g.Rules {
				l.rule(file, r, recorded)
			}
		}
		l.names = append(l.names, AlertNames(byFile[file])...)
	}
	if groups > azureGroups {
		l.problem(filepath.Join(l.alerts, "rules", "prometheus"), 0, "", "there are %d groups of rules, and a workspace of Azure Monitor takes %d", groups, azureGroups)
	}
	return nil
}
