package document

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files lists the files that a path means: the path itself when it is a file,
// else every .yaml and .yml file of the directory and its folders, in the order
// of their names. Files and folders whose name starts with a dot are left out,
// and so are links to directories, which could lead in circles; a link that is
// given itself is followed. Errors are of the file system: fs.ErrNotExist.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{filepath.Clean(path)}, nil
	}
	var files []string
	err = fs.WalkDir(os.DirFS(path), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case isYAML(name) && isRegular(filepath.Join(path, name)):
			files = append(files, filepath.Join(path, filepath.FromSlash(name)))
		}
		return nil
	})
	return files, err
}

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// isRegular follows links, as mounted ConfigMaps are made of them. What cannot
// be looked at counts too, so that reading it tells why.
func isRegular(name string) bool {
	info, err := os.Stat(name)
	return err != nil || info.Mode().IsRegular()
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
		return nil, refuse("is no regular file; give a file or a directory")
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
