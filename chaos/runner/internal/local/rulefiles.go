package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/rules"
)

// scaledRules writes the rule files with time running scale times as fast into
// dir. It returns the new file, none without rules, and how far back its
// expressions look.
func scaledRules(dir string, files []string, scale float64, evaluation time.Duration) ([]string, time.Duration, error) {
	if len(files) == 0 {
		return nil, 0, nil
	}
	groups, err := rules.Load(files...)
	if err != nil {
		return nil, 0, fmt.Errorf("rules: %w", err)
	}
	if groups, err = rules.Scale(groups, scale); err != nil {
		return nil, 0, fmt.Errorf("rules: %w", err)
	}
	for i := range groups {
		// No rule is evaluated more often than asked for, as scaled intervals would.
		groups[i].Interval = max(groups[i].Interval, model.Duration(evaluation))
	}
	back, err := lookBack(groups)
	if err != nil {
		return nil, 0, err
	}
	var text bytes.Buffer
	if err := rules.Write(&text, groups); err != nil {
		return nil, 0, fmt.Errorf("rules: %w", err)
	}
	path := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return nil, 0, fmt.Errorf("rules: %w", err)
	}
	return []string{path}, back, nil
}

// lookBack is the longest reach of any rule into the past.
func lookBack(groups []rulefmt.RuleGroup) (time.Duration, error) {
	var most time.Duration
	for _, g := range groups {
		for _, r := range g.Rules {
			d, err := prom.MaxRange(r.Expr)
			if err != nil {
				return 0, fmt.Errorf("rule %s of group %s: %w", r.Record+r.Alert, g.Name, err)
			}
			most = max(most, d)
		}
	}
	return most, nil
}
