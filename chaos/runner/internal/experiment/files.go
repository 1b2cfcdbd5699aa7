package experiment

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault/document"
)

// find lists the files that the paths mean, each once. Folders and files whose
// name starts with a dot are left out, and so are links to directories, which
// could lead in circles; a link that is given itself is followed.
func find(paths []string) ([]string, error) {
	var files []string
	seen := map[string]bool{}
	add := func(name string) {
		name = filepath.Clean(name)
		if !seen[name] {
			seen[name] = true
			files = append(files, name)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("%w: %w; check the path", ErrNoExperiment, err)
		}
		if !info.IsDir() {
			add(path)
			continue
		}
		err = fs.WalkDir(os.DirFS(path), ".", func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case name != "." && strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
			case isYAML(name) && regular(filepath.Join(path, name)):
				add(filepath.Join(path, name))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the experiments in %s: %w; check its permissions", path, err)
		}
	}
	return files, nil
}

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// regular follows links, as mounted ConfigMaps are made of them. What cannot be
// looked at counts too, so that reading it tells why.
func regular(name string) bool {
	info, err := os.Stat(name)
	return err != nil || info.Mode().IsRegular()
}

// read reads a file, but never more of it than a document may have.
func read(name string) ([]byte, *Problem) {
	refuse := func(format string, args ...any) *Problem {
		return &Problem{File: name, Message: fmt.Sprintf(format, args...)}
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, refuse("cannot be read: %s", err)
	}
	if !info.Mode().IsRegular() {
		// Opening a pipe would wait for its writer.
		return nil, refuse("is no regular file; give a file or a directory")
	}
	if info.Size() > document.MaxBytes {
		return nil, refuse("the file has %d bytes; split it, at most %d are read", info.Size(), document.MaxBytes)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, refuse("cannot be read: %s; check its permissions", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, document.MaxBytes+1))
	if err != nil {
		return nil, refuse("cannot be read: %s", err)
	}
	return data, nil
}
