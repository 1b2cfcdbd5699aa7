package rules

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/document"
)

// runbook checks where an alert's runbook is kept: a file of this repository, which has
// to say something, or an address that is whole.
func (l *linter) runbook(file, field string, r rulefmt.Rule) {
	address := r.Annotations["runbook_url"]
	base, name := path.Split(address)
	if !strings.HasSuffix(name, ".md") || base+name != l.options.runbook(strings.TrimSuffix(name, ".md")) {
		if !document.WebAddress(address) {
			l.problem(file, 0, field, "runbook_url %q is not a web address; write one that begins with https://", address)
		}
		return
	}
	content, err := os.ReadFile(filepath.Join(l.runbooks, name))
	switch {
	case err != nil:
		l.problem(file, 0, field, "its runbook docs/runbooks/%s is missing; write what to look at and what to do", name)
	case !saysSomething(content):
		l.problem(file, 0, field, "its runbook docs/runbooks/%s says nothing; write what to look at and what to do", name)
	}
}

// saysSomething reports whether a runbook has text beside its headings.
func saysSomething(content []byte) bool {
	return slices.ContainsFunc(strings.Split(string(content), "\n"), func(line string) bool {
		line = strings.TrimSpace(line)
		return line != "" && !strings.HasPrefix(line, "#")
	})
}

// orphans finds runbooks that no alert leads to.
func (l *linter) orphans() error {
	files, err := withSuffix(l.runbooks, ".md")
	if err != nil {
		return fmt.Errorf("find runbooks: %w", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name != "README" && !slices.Contains(l.names, name) {
			l.problem(file, 0, "", "no alert has this name; remove the runbook or rename it")
		}
	}
	return nil
}
