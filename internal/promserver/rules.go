package promserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// ruleFiles hands parsed rule files to the manager under their base names. The
// manager derives the phase of a group's evaluations from file and group name: with
// the directory in it, each run would have phases of its own.
type ruleFiles struct {
	names  []string
	groups map[string]*rulefmt.RuleGroups
	parser parser.Parser
}

// loadRules reads all files and reports every problem of all of them.
func loadRules(files []string, logger *slog.Logger) (*ruleFiles, error) {
	r := &ruleFiles{groups: map[string]*rulefmt.RuleGroups{}, parser: parser.NewParser(parser.Options{})}
	var errs []error
	for _, path := range files {
		groups, problems := rulefmt.ParseFile(path, false, model.UTF8Validation, r.parser, logger)
		for _, p := range problems {
			errs = append(errs, fmt.Errorf("rule file %w", p)) // p begins with the path
		}
		name := filepath.Base(path)
		if _, taken := r.groups[name]; taken {
			errs = append(errs, fmt.Errorf("rule file %s: there is another file named %s, rename one of them", path, name))
		}
		r.groups[name] = groups
		r.names = append(r.names, name)
	}
	return r, errors.Join(errs...)
}

// Load implements rules.GroupLoader.
func (r *ruleFiles) Load(name string, _ bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	groups, ok := r.groups[name]
	if !ok {
		return nil, []error{fmt.Errorf("rule file %s was not loaded", name)}
	}
	return groups, nil
}

// Parse implements rules.GroupLoader.
func (r *ruleFiles) Parse(query string) (parser.Expr, error) { return r.parser.ParseExpr(query) }

// startRules starts the evaluation of every group. ctx ends evaluations under way;
// Stop of the manager ends the rest.
func startRules(ctx context.Context, files *ruleFiles, s *Server, work *sync.WaitGroup) (*rules.Manager, error) {
	external, err := url.Parse(s.url)
	if err != nil {
		return nil, err
	}
	manager := rules.NewManager(&rules.ManagerOptions{
		Context:     ctx,
		ExternalURL: external,
		QueryFunc:   rules.EngineQueryFunc(s.engine, s.db),
		// Alerts are read as the series ALERTS; there is nobody to notify.
		NotifyFunc:             func(context.Context, string, ...*rules.Alert) {},
		Appendable:             s.db,
		Queryable:              s.db,
		Logger:                 s.cfg.Logger,
		GroupLoader:            files,
		Parser:                 files.parser,
		DefaultRuleQueryOffset: func() time.Duration { return 0 },
	})
	work.Go(manager.Run)
	// The groups of a manager's first update are taken for restored after a crash
	// and write no ALERTS at their first evaluation. An empty update comes first.
	for _, names := range [][]string{nil, files.names} {
		if err := manager.Update(s.cfg.Evaluation, names, labels.EmptyLabels(), s.url, nil); err != nil {
			return manager, fmt.Errorf("cannot start the rules: %w", err)
		}
	}
	return manager, nil
}
