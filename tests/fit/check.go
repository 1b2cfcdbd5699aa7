package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// check runs one check, and once more if that is permitted.
type check struct {
	stdout, stderr io.Writer
	measure        func() (stop func() series)
	once           string // file of the one repetition, empty for none
}

// suite is a run of `go test`.
type suite struct {
	tool     string // the go command
	packages string // patterns, with spaces between them
	flags    []string
	events   string // file for the events, empty for none
	verbose  bool   // print what every test prints, and not only what failed prints
}

// command is the go command for all tests, or for one.
func (s suite) command(only testID) []string {
	packages, flags := strings.Fields(s.packages), s.flags
	if only != (testID{}) {
		packages = []string{only.pkg}
		// Of two -run the last one counts, and nothing after -args is for `go test`.
		before, after := flags, []string(nil)
		if i := slices.Index(flags, "-args"); i >= 0 {
			before, after = flags[:i], flags[i:]
		}
		flags = slices.Concat(before, []string{"-run=^" + only.name + "$"}, after)
	}
	return slices.Concat([]string{s.tool, "test", "-json"}, packages, flags)
}

// program is a check that is a program of its own.
type program struct {
	name        string
	args        []string
	want, unfit int // exit codes
}

// tests runs the suite. When exactly one test failed, and it was starved, it is run
// once more.
func (c check) tests(ctx context.Context, s suite) error {
	events := io.Discard
	if s.events != "" {
		f, err := os.Create(s.events)
		if err != nil {
			return internalError{fmt.Errorf("--events: %w", err)}
		}
		defer f.Close() //nolint:errcheck // events are for a report, and each write is checked
		events = f
	}
	attempt := func(only testID) (*journal, series, bool, error) {
		j := newJournal()
		printed := transcript{out: c.stdout, verbose: s.verbose}
		out := &lines{each: func(line []byte) {
			e, ok := decode(line)
			if !ok {
				fmt.Fprintf(c.stdout, "%s\n", line)
				return
			}
			j.add(e)
			printed.add(e)
		}}
		stop := c.measure()
		code, err := execute(ctx, s.command(only), io.MultiWriter(events, out), c.stderr)
		out.flush()
		printed.flush()
		return j, stop(), code == 0, err
	}
	j, seen, passed, err := attempt(testID{})
	if err != nil {
		return internalError{err}
	}
	c.say("the machine during the tests: %s", seen.over(seen.whole()))
	if passed {
		return nil
	}
	for _, id := range j.failed() {
		c.say("%s failed: %s", id, j.figure(id, seen))
	}
	id, why := j.suspect()
	if ctx.Err() != nil {
		why = "it was interrupted"
	}
	if why != "" {
		return c.fails("nothing is repeated: %s", why)
	}
	return c.again(id.String(), j.figure(id, seen), func() (figure, bool, error) {
		j, seen, passed, err := attempt(id)
		return j.figure(id, seen), passed && j.passed(id), err
	})
}

// program runs p. When it said itself that the machine was unfit, and it was starved,
// it is run once more.
func (c check) program(ctx context.Context, p program) error {
	attempt := func() (figure, int, error) {
		var lag time.Duration
		out := &lines{each: func(line []byte) {
			lag = max(lag, sendLag(string(line)))
			fmt.Fprintf(c.stdout, "%s\n", line)
		}}
		stop := c.measure()
		code, err := execute(ctx, p.args, out, c.stderr)
		out.flush()
		seen := stop()
		f := seen.over(seen.whole())
		f.sending = lag
		return f, code, err
	}
	f, code, err := attempt()
	if err != nil {
		return internalError{err}
	}
	if code == p.want {
		c.say("the machine during %s: %s", p.name, f)
		return nil
	}
	c.say("%s ended with exit code %d, want %d: %s", p.name, code, p.want, f)
	switch {
	case ctx.Err() != nil:
		return c.fails("nothing is repeated: it was interrupted")
	case code != p.unfit:
		return c.fails("nothing is repeated: it did not say that the machine was unfit")
	}
	return c.again(p.name, f, func() (figure, bool, error) {
		f, code, err := attempt()
		return f, code == p.want, err
	})
}

// again decides about the repetition of what failed, and makes it.
func (c check) again(name string, first figure, repeat func() (figure, bool, error)) error {
	if !first.starved() {
		return c.fails("nothing is repeated: the machine was fit")
	}
	if c.once == "" {
		return c.fails("it was starved; nothing is repeated without --once")
	}
	record, err := os.OpenFile(c.once, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return c.fails("it was starved, but the one repetition is used up: %s says by what", c.once)
	}
	if err != nil {
		return internalError{fmt.Errorf("--once: %w", err)}
	}
	both := io.MultiWriter(record, c.stdout)
	fmt.Fprintf(both, "REPEATED %s\n  first:  failed, starved: %s\n", name, first)
	second, passed, err := repeat()
	switch {
	case err != nil:
		fmt.Fprintf(both, "  second: %v\n", err)
	case passed:
		fmt.Fprintf(both, "  second: passed: %s\n", second)
	default:
		fmt.Fprintf(both, "  second: failed: %s\n", second)
	}
	if err := errors.Join(err, record.Close()); err != nil {
		return internalError{err}
	}
	if !passed {
		return errFailed
	}
	return nil
}

func (c check) say(format string, args ...any) {
	fmt.Fprintln(c.stdout, "FIT", fmt.Sprintf(format, args...))
}

func (c check) fails(format string, args ...any) error {
	c.say(format, args...)
	return errFailed
}
