package document

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Listing is what a path means.
type Listing struct {
	Files   []string  // in the order of their names
	Skipped []Skipped // what a reader of the directory might take for a document
}

// Skipped is something in a directory that is not read, with the reason.
type Skipped struct{ Path, Why string }

// Files lists the files that a path means: the path itself when it is a file,
// else every .yaml and .yml file of the directory and its folders. Files and
// folders whose name starts with a dot are left out without a word. Links to
// directories, which could lead in circles, are skipped; a link that is given
// itself is followed.
//
// Errors: fs.ErrNotExist (errors.Is) when there is nothing at the path; Problems
// (errors.As) names every directory that cannot be read.
func Files(path string) (Listing, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Listing{}, err
	}
	if err != nil {
		return Listing{}, Problems{unreadable(path, err)}
	}
	if !info.IsDir() {
		return Listing{Files: []string{filepath.Clean(path)}}, nil
	}
	var found Listing
	var problems []Problem
	err = fs.WalkDir(os.DirFS(path), ".", func(name string, entry fs.DirEntry, err error) error {
		full := filepath.Join(path, filepath.FromSlash(name))
		switch {
		case err != nil:
			problems = append(problems, unreadable(full, err))
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case !entry.IsDir():
			found.add(full)
		}
		return nil
	})
	return found, errors.Join(err, Err(problems))
}

// add sorts what is not a directory into what is read and what is not.
func (l *Listing) add(path string) {
	skip := func(why string) { l.Skipped = append(l.Skipped, Skipped{path, why}) }
	ext := filepath.Ext(path)
	exact := ext == ".yaml" || ext == ".yml"
	info, err := os.Stat(path) // follows links, as mounted ConfigMaps are made of them
	switch {
	case err == nil && info.IsDir():
		skip("a link to a directory is not followed; name the directory itself")
	case !exact && (strings.EqualFold(ext, ".yaml") || strings.EqualFold(ext, ".yml")):
		skip("only .yaml and .yml in lower case are read; rename it")
	case !exact:
	case err == nil && !info.Mode().IsRegular():
		skip("it is not a regular file")
	default: // reading what cannot be looked at reports why
		l.Files = append(l.Files, path)
	}
}

// unreadable names the whole path, which the error of a walk does not have.
func unreadable(path string, err error) Problem {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return Problem{File: path, Message: fmt.Sprintf("cannot be read: %s; make it readable or leave it out", err)}
}

// Read reads a file, but never more of it than a document may have. It does not
// wait for pipes and devices: only regular files are read.
func Read(name string) ([]byte, *Problem) {
	refuse := func(format string, args ...any) *Problem {
		return &Problem{File: name, Message: fmt.Sprintf(format, args...)}
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, refuse("cannot be read: %s", err)
	}
	if !info.Mode().IsRegular() {
		// Opening a pipe would wait for its writer.
		return nil, refuse("is not a regular file; give a file or a directory")
	}
	if info.Size() > MaxBytes {
		return nil, tooLarge(name, info.Size())
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, refuse("cannot be read: %s; check its permissions", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, refuse("cannot be read: %s", err)
	}
	return data, nil
}

func tooLarge(name string, size int64) *Problem {
	return &Problem{File: name, Message: fmt.Sprintf("the file has %d bytes; split it, at most %d are read", size, MaxBytes)}
}
