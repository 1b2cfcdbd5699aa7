package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/internal/document"
)

// Load reads Prometheus rule files, strictly. A path is a file, or a directory
// whose files document.Files lists. All errors of all files come back joined. A
// group name that two files share is an error, for the groups may end up in one
// file.
func Load(paths ...string) ([]rulefmt.RuleGroup, error) {
	var (
		groups []rulefmt.RuleGroup
		errs   []error
		first  = map[string]string{} // group name to file
	)
	files, err := expand(paths)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		parsed, problems := rulefmt.ParseFile(file, false, model.UTF8Validation, newParser(), slog.New(slog.DiscardHandler))
		if len(problems) > 0 {
			errs = append(errs, problems...)
			continue
		}
		for _, g := range parsed.Groups {
			if other, ok := first[g.Name]; ok {
				errs = append(errs, fmt.Errorf("%s: group %q is already in %s; rename one", file, g.Name, other))
			}
			first[g.Name] = file
		}
		groups = append(groups, parsed.Groups...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return groups, nil
}

func expand(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		found, err := document.Files(path)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		files = append(files, found...)
	}
	return files, nil
}

// Write writes the groups as one Prometheus rule file.
func Write(w io.Writer, groups []rulefmt.RuleGroup) error {
	content, err := encode(groups)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func encode(groups []rulefmt.RuleGroup) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(rulefmt.RuleGroups{Groups: groups}); err != nil {
		return nil, fmt.Errorf("encode rule groups: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("encode rule groups: %w", err)
	}
	return b.Bytes(), nil
}
