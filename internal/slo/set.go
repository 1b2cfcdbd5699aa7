package slo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ballast-sre/ballast/internal/document"
)

// Set is a collection of SLOs with distinct names. The zero value is empty.
type Set struct {
	byName map[string]SLO
}

// NewSet builds a set. Two SLOs of one name are a Problem, which names both.
func NewSet(slos ...SLO) (Set, error) {
	s := Set{byName: make(map[string]SLO, len(slos))}
	var problems []Problem
	for _, o := range slos {
		if first, ok := s.byName[o.Name]; ok {
			problems = append(problems, Problem{
				File: o.File, Line: o.Line, Field: "metadata.name",
				Message: fmt.Sprintf("%q is already used at %s:%d; rename one", o.Name, first.File, first.Line),
			})
			continue
		}
		s.byName[o.Name] = o
	}
	if err := document.Err(problems); err != nil {
		return Set{}, err
	}
	return s, nil
}

// Load reads SLO documents, and those of SLIs, Services, DataSources and alert policies that
// they name. A path is a file, or a directory whose files
// document.Files lists. All problems of all files come back together as Problems;
// fs.ErrNotExist when there is nothing at a path. No documents are an empty set.
func Load(paths ...string) (Set, error) {
	var files []string
	for _, path := range paths {
		found, err := document.Files(path)
		if err != nil {
			return Set{}, fmt.Errorf("read SLO documents: %w", err)
		}
		files = append(files, found.Files...)
	}
	var b bundle
	for _, file := range files {
		content, problem := document.Read(file)
		if problem != nil {
			b.problems = append(b.problems, *problem)
			continue
		}
		b.add(file, content)
	}
	set, err := NewSet(b.read()...)
	problems := b.problems
	var duplicates Problems
	if errors.As(err, &duplicates) {
		problems = append(problems, duplicates...)
	}
	if err := document.Err(problems); err != nil {
		return Set{}, err
	}
	return set, nil
}

// Get returns the SLO of that name.
func (s Set) Get(name string) (SLO, bool) {
	o, ok := s.byName[name]
	return o, ok
}

// Names lists the names in alphabetical order.
func (s Set) Names() []string {
	names := make([]string, 0, len(s.byName))
	for name := range s.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// All lists the SLOs by name.
func (s Set) All() []SLO {
	slos := make([]SLO, 0, len(s.byName))
	for _, name := range s.Names() {
		slos = append(slos, s.byName[name])
	}
	return slos
}
