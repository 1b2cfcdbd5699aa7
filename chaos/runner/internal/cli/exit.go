package cli

import (
	"errors"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Exit codes outside of the verdicts, which result.Verdict.Exit gives. 2 is
// never used: a Go panic and make return it.
const (
	exitOK           = 0
	exitUsage        = 64
	exitInvalid      = 65
	exitInternal     = 70
	exitNotWritable  = 74
	exitSecondSignal = 130
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// exitCode is the contract's code of an error that kept a command from its work.
func exitCode(err error) int {
	var (
		usage     usageError
		documents *experiment.Problems
		slos      slo.Problems
		lint      lintError
		document  documentError
	)
	switch {
	case errors.As(err, &usage), errors.Is(err, experiment.ErrNoExperiment):
		return exitUsage
	case errors.As(err, &documents), errors.As(err, &slos), errors.As(err, &lint), errors.As(err, &document):
		return exitInvalid
	case errors.Is(err, report.ErrNotWritable):
		return exitNotWritable
	}
	return exitInternal
}

// documentError is a document that could not be read for what it should be.
type documentError struct{ error }

func (d documentError) Unwrap() error { return d.error }
