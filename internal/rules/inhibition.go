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

// inhibition looks whether the inhibitions between alerts of one SLO compare the labels by
// which it is grouped. A checkout without a configuration of Alertmanager has none.
func (l *linter) inhibition(slos []slo.SLO) error {
	file := filepath.Join(l.alerts, "alertmanager", "alertmanager.yaml")
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration of Alertmanager: %w", err)
	}
	var config struct {
		InhibitRules []struct {
			Equal []string `yaml:"equal"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		l.problem(file, 0, "", "%v", err)
		return nil
	}
	for i, rule := range config.InhibitRules {
		if !slices.Contains(rule.Equal, LabelSLO) {
			continue
		}
		for _, s := range slos {
			for _, label := range s.GroupBy {
				if !slices.Contains(rule.Equal, label) {
					l.problem(file, 0, fmt.Sprintf("inhibit_rules[%d].equal", i),
						"lacks the label %s, by which the SLO %s is grouped, so that the page of one group silences the tickets of all; add it", label, s.Name)
				}
			}
		}
	}
	return nil
}
