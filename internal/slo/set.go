package slo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// maxFile bounds what is read of one document file, in bytes. Real ones are a
// few kilobytes.
const maxFile = 1 << 20

// Set is a collection of SLOs with distinct names. The zero value is empty.
type Set struct {
	byName map[string]SLO
}

// NewSet builds a set. Two SLOs of one name are a Problem, which names both.
func NewSet(slos ...SLO) (Set, error) {
	s := Set{byName: make(map[string]SLO, len(slos))}
	var problems Problems
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
	if len(problems) > 0 {
		return Set{}, problems
	}
	return s, nil
}

// Load reads every .yaml and .yml file of dir and its subdirectories. All
// problems of all files come back together as Problems; other errors are of
// reading, such as fs.ErrNotExist. A directory without documents is an empty set.
func Load(dir string) (Set, error) {
	return LoadFS(os.DirFS(dir), dir)
}

// LoadFS is Load over a file system. prefix is put before the names of files in
// messages and in SLO.File.
func LoadFS(fsys fs.FS, prefix string) (Set, error) {
	var (
		slos     []SLO
		problems Problems
	)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read SLO documents in %s: %w", prefix, err)
		}
		if ext := path.Ext(name); d.IsDir() || ext != ".yaml" && ext != ".yml" {
			return nil
		}
		file := filepath.Join(prefix, filepath.FromSlash(name))
		content, err := readFile(fsys, name)
		if errors.Is(err, errTooLarge) {
			problems = append(problems, Problem{File: file, Message: err.Error()})
			return nil
		}
		if err != nil {
			return fmt.Errorf("read SLO document %s: %w", file, err)
		}
		found, ps := decode(file, content)
		slos = append(slos, found...)
		problems = append(problems, ps...)
		return nil
	})
	if err != nil {
		return Set{}, err
	}
	set, err := NewSet(slos...)
	var duplicates Problems
	if errors.As(err, &duplicates) {
		problems = append(problems, duplicates...)
	}
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
		})
		return Set{}, problems
	}
	return set, nil
}

var errTooLarge = fmt.Errorf("the file is larger than %d KiB; SLO documents are small", maxFile>>10)

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(io.LimitReader(f, maxFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if b.Len() > maxFile {
		return nil, errTooLarge
	}
	return b.Bytes(), nil
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
