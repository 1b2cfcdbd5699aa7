package experiment

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/ballast-sre/ballast/internal/document"
)

// find lists the files that the paths mean, each once.
func find(paths []string) ([]string, error) {
	var files []string
	seen := map[string]bool{}
	for _, path := range paths {
		found, err := document.Files(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w; check the path", ErrNoExperiment, err)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the experiments in %s: %w; check its permissions", path, err)
		}
		for _, name := range found {
			if !seen[name] {
				seen[name] = true
				files = append(files, name)
			}
		}
	}
	return files, nil
}
