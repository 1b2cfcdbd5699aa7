package experiment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/ballast-sre/ballast/internal/document"
)

const (
	// Stdin as a path is the standard input.
	Stdin = "-"
	// stdinName is what messages call it.
	stdinName = "stdin"
)

// find lists the files that the paths mean, each once. What a directory holds
// and is not read goes to skipped.
func find(paths []string, skipped func(document.Skipped)) ([]string, error) {
	var files []string
	var problems []Problem
	seen := map[string]bool{}
	for _, path := range paths {
		found := document.Listing{Files: []string{Stdin}}
		if path != Stdin {
			var err error
			var unreadable Problems
			switch found, err = document.Files(path); {
			case errors.Is(err, fs.ErrNotExist):
				return nil, fmt.Errorf("%w: %w; check the path", ErrNoExperiment, err)
			case errors.As(err, &unreadable):
				problems = append(problems, unreadable...)
			case err != nil:
				return nil, fmt.Errorf("reading the experiments in %s: %w", path, err)
			}
		}
		for _, s := range found.Skipped {
			if skipped != nil {
				skipped(s)
			}
		}
		for _, name := range found.Files {
			if !seen[name] {
				seen[name] = true
				files = append(files, name)
			}
		}
	}
	return files, document.Err(problems)
}

// read returns the content of a file that find has listed. The error is that somebody
// ended the reading.
func read(name string, stdin io.Reader) ([]byte, *Problem, error) {
	if name != Stdin {
		data, problem := document.Read(name)
		return data, problem, nil
	}
	if stdin == nil {
		return nil, &Problem{File: stdinName, Message: "cannot be read here; give a file"}, nil
	}
	// One byte more than a document may have, so that parsing refuses it.
	data, err := io.ReadAll(io.LimitReader(stdin, document.MaxBytes+1))
	if errors.Is(err, context.Canceled) {
		return nil, nil, fmt.Errorf("%s: interrupted before the document was whole: %w", stdinName, err)
	}
	if err != nil {
		return nil, &Problem{File: stdinName, Message: fmt.Sprintf("cannot be read: %s", err)}, nil
	}
	return data, nil, nil
}
