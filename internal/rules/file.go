package rules

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/internal/document"
)

// Load reads Prometheus rule files, strictly. A path is a file, or a directory
// whose files document.Files lists. Every problem of every file comes back in
// one document.Problems; fs.ErrNotExist when there is nothing at a path. A group
// name that two files share is a problem, for the groups may end up in one file.
func Load(paths ...string) ([]rulefmt.RuleGroup, error) {
	var (
		groups   []rulefmt.RuleGroup
		problems []document.Problem
		first    = map[string]string{} // group name to file
	)
	files, err := expand(paths)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, problem := document.Read(file)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		parsed, errs := rulefmt.Parse(content, false, model.UTF8Validation, newParser(), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			for _, err := range errs {
				problems = append(problems, placed(file, err))
			}
			continue
		}
		for _, g := range parsed.Groups {
			if other, ok := first[g.Name]; ok {
				problems = append(problems, document.Problem{File: file, Message: fmt.Sprintf("group %q is already in %s; rename one", g.Name, other)})
			}
			first[g.Name] = file
		}
		groups = append(groups, parsed.Groups...)
	}
	if err := document.Err(problems); err != nil {
		return nil, err
	}
	return groups, nil
}

// position is where an error of a rule file says that it stands; the library
// has it only in the text.
var position = regexp.MustCompile(`^(?:yaml: )?(?:(\d+):\d+: |line (\d+): )`)

func placed(file string, err error) document.Problem {
	p := document.Problem{File: file, Message: err.Error()}
	if m := position.FindStringSubmatch(p.Message); m != nil {
		p.Line, _ = strconv.Atoi(m[1] + m[2]) // the expression lets only digits through
		p.Message = strings.TrimPrefix(p.Message, m[0])
	}
	return p
}

func expand(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		found, err := document.Files(path)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		files = append(files, found.Files...)
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
