package experiment

import (
	"errors"

	"github.com/ballast-sre/ballast/internal/document"
)

// ErrNoExperiment is returned when the paths and the selection leave nothing to run.
var ErrNoExperiment = errors.New("no experiment matches")

// Problem is one thing that is wrong with a document.
type Problem = document.Problem

// Problems is every problem of every file, ordered by file and line. Reach it
// with errors.As: nothing may be started then.
type Problems = document.Problems
