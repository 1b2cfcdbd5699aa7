package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/internal/slo"
)

// alertmanager is the configuration of Alertmanager, as far as rules depend on it.
type alertmanager struct {
	file         string
	Route        *route           `yaml:"route"`
	Receivers    []map[string]any `yaml:"receivers"`
	InhibitRules []struct {
		Equal []string `yaml:"equal"`
	} `yaml:"inhibit_rules"`
}

// readAlertmanager reads the configuration. A checkout without one has no routes and no
// inhibitions, which is not a problem.
func (l *linter) readAlertmanager() error {
	file := filepath.Join(l.alerts, "alertmanager", "alertmanager.yaml")
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration of Alertmanager: %w", err)
	}
	l.alertmanager.file = file
	if err := yaml.Unmarshal(content, &l.alertmanager); err != nil {
		l.problem(file, 0, "", "%v", err)
		l.alertmanager = alertmanager{}
	}
	return nil
}

// inhibition looks whether the inhibitions between alerts of one SLO compare the labels by
// which it is grouped.
func (l *linter) inhibition(slos []slo.SLO) {
	for i, rule := range l.alertmanager.InhibitRules {
		if !slices.Contains(rule.Equal, LabelSLO) {
			continue
		}
		for _, s := range slos {
			for _, label := range s.GroupBy {
				if !slices.Contains(rule.Equal, label) {
					l.problem(l.alertmanager.file, 0, fmt.Sprintf("inhibit_rules[%d].equal", i),
						"lacks the label %s, by which the SLO %s is grouped, so that the page of one group silences the tickets of all; add it", label, s.Name)
				}
			}
		}
	}
}
