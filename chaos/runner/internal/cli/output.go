package cli

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// product is stdout. Its errors can be told from those of other files.
type product struct{ io.Writer }

func (p product) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if err != nil {
		err = outputError{err}
	}
	return n, err
}

// outputError means that what was asked for did not reach stdout.
type outputError struct{ error }

func (o outputError) Unwrap() error { return o.error }

func (o outputError) Error() string {
	if errors.Is(o.error, syscall.EPIPE) {
		return "stdout was closed by its reader"
	}
	return "stdout cannot be written: " + o.error.Error()
}

// unread passes on an error of stdout, unless only its reader has gone away, as
// head does: that is the reader's choice, and the evidence is whole.
func unread(errOut io.Writer, err error) error {
	var output outputError
	if !errors.As(err, &output) || !errors.Is(err, syscall.EPIPE) {
		return err
	}
	fmt.Fprintf(errOut, "ballast: %v; the evidence is written all the same\n", output)
	return nil
}
