package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// promtoolTests is the part of a file of promtool's tests that says what is tested.
type promtoolTests struct {
	RuleFiles []string `yaml:"rule_files"`
	Tests     []struct {
		Alerts []struct {
			Name   string `yaml:"alertname"`
			Expect []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// untested lists, for each alert of a rule file, the cases that its tests lack. The rule
// file and its tests have the same name; tests of no rule file at all are a problem, too.
func untested(ruleFile, testFile string) ([]string, error) {
	groups, err := Load(ruleFile)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(testFile)
	if errors.Is(err, fs.ErrNotExist) {
		return []string{fmt.Sprintf("%s is missing; write tests of %s in promtool's format", testFile, filepath.Base(ruleFile))}, nil
	}
	if err != nil {
		return nil, err
	}
	var tests promtoolTests
	if err := yaml.Unmarshal(content, &tests); err != nil {
		return nil, fmt.Errorf("%s: %w", testFile, err)
	}
	var lacks []string
	if !slices.ContainsFunc(tests.RuleFiles, func(file string) bool {
		return filepath.Join(filepath.Dir(testFile), file) == filepath.Clean(ruleFile)
	}) {
		lacks = append(lacks, fmt.Sprintf("%s does not load %s", testFile, ruleFile))
	}
	firing, silent := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, a := range test.Alerts {
			if len(a.Expect) > 0 {
				firing[a.Name] = true
			} else {
				silent[a.Name] = true
			}
		}
	}
	for _, name := range AlertNames(groups) {
		if !firing[name] {
			lacks = append(lacks, fmt.Sprintf("%s has no case in which %s fires", testFile, name))
		}
		if !silent[name] && name != watchdog {
			lacks = append(lacks, fmt.Sprintf("%s has no case in which %s is silent", testFile, name))
		}
	}
	return lacks, nil
}

func TestEveryResourceAlertIsTestedFiringAndSilent(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(alertsDir, "rules", "prometheus", "resource-*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no resource alerts: %v", err)
	}
	names := map[string]bool{}
	for _, file := range files {
		names[filepath.Base(file)] = true
		lacks, err := untested(file, filepath.Join(alertsDir, "tests", filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lacks {
			t.Error(l)
		}
	}
	tests, err := filepath.Glob(filepath.Join(alertsDir, "tests", "resource-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tests {
		if !names[filepath.Base(file)] {
			t.Errorf("%s is left over: there is no rule file of its name", file)
		}
	}
}

func TestAnAlertWithoutATestIsFound(t *testing.T) {
	const (
		rules = "groups: [{name: g, rules: [{alert: Down, expr: up == 0}, {alert: Watchdog, expr: vector(1)}]}]\n"
		fires = "{alertname: Down, exp_alerts: [{}]}"
		quiet = "{alertname: Down, exp_alerts: []}"
		dog   = "{alertname: Watchdog, exp_alerts: [{}]}"
	)
	for name, tt := range map[string]struct {
		tests string // empty: there is no file
		want  []string
	}{
		"nothing where both are tested":              {"rule_files: [../rules/x.yaml]\ntests: [{alert_rule_test: [" + fires + ", " + quiet + ", " + dog + "]}]", nil},
		"one that never fires":                       {"rule_files: [../rules/x.yaml]\ntests: [{alert_rule_test: [" + quiet + ", " + dog + "]}]", []string{"no case in which Down fires"}},
		"one that is never silent":                   {"rule_files: [../rules/x.yaml]\ntests: [{alert_rule_test: [" + fires + ", " + dog + "]}]", []string{"no case in which Down is silent"}},
		"a watchdog that does not bark":              {"rule_files: [../rules/x.yaml]\ntests: [{alert_rule_test: [" + fires + ", " + quiet + "]}]", []string{"no case in which Watchdog fires"}},
		"tests of another file":                      {"rule_files: [../rules/y.yaml]\ntests: [{alert_rule_test: [" + fires + ", " + quiet + ", " + dog + "]}]", []string{"does not load"}},
		"no tests at all":                            {"", []string{"is missing; write tests of x.yaml"}},
		"cases without an expectation are all quiet": {"rule_files: [../rules/x.yaml]\ntests: [{alert_rule_test: [{alertname: Down}, " + dog + "]}]", []string{"no case in which Down fires"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ruleFile, testFile := filepath.Join(dir, "rules", "x.yaml"), filepath.Join(dir, "tests", "x.yaml")
			write(t, ruleFile, rules)
			if tt.tests != "" {
				write(t, testFile, tt.tests)
			}
			got, err := untested(ruleFile, testFile)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("found %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("found %q, want %q in it", got[i], tt.want[i])
				}
			}
		})
	}
}
