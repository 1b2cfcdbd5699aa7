package cli

import (
	"context"
	"errors"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/prom"
)

// Exit codes outside of the verdicts, which result.Verdict.Exit gives. 2 is
// never used: a Go panic and make return it.
const (
	exitOK           = 0
	exitUsage        = 64
	exitInvalid      = 65
	exitUnavailable  = 69
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
		usage    usageError
		problems document.Problems
		lint     lintError
		output   outputError
	)
	switch {
	case errors.As(err, &usage), errors.Is(err, experiment.ErrNoExperiment):
		return exitUsage
	case errors.As(err, &problems), errors.As(err, &lint):
		return exitInvalid
	case errors.Is(err, report.ErrNotWritable), errors.As(err, &output):
		return exitNotWritable
	case errors.Is(err, context.Canceled):
		return result.Inconclusive.Exit() // an interrupt, as of a run
	case unavailable(err):
		return exitUnavailable
	case errors.Is(err, prom.ErrUnreachable):
		return result.Inconclusive.Exit() // nothing can be said
	}
	return exitInternal
}
