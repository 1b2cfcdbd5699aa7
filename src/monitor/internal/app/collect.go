package app

import (
	"fmt"

	"github.com/spf13/pflag"
)

// collected is the value of a flag that notes what is wrong with it instead of
// ending the parsing there, so that every problem is told in one go.
type collected struct {
	pflag.Value
	flag     string
	problems *[]error
}

// collect makes flags note what is wrong with their values in problems.
func collect(f *pflag.FlagSet, problems *[]error) {
	f.VisitAll(func(flag *pflag.Flag) {
		// The usage text looks at the type of a list to leave an empty one out.
		if flag.Value.Type() != "stringSlice" {
			flag.Value = &collected{flag.Value, flag.Name, problems}
		}
	})
}

// Set implements pflag.Value, and never fails.
func (c *collected) Set(text string) error {
	if err := setOrKeep(c.Value, text); err != nil {
		*c.problems = append(*c.problems, fmt.Errorf("--%s %q: %w", c.flag, text, err))
	}
	return nil
}

// setOrKeep sets a value, or leaves it as it was: some are zero after an error,
// which would be one more problem.
func setOrKeep(v pflag.Value, text string) error {
	if c, ok := v.(*collected); ok {
		v = c.Value
	}
	before := v.String()
	err := v.Set(text)
	if err != nil {
		_ = v.Set(before) // it was right
	}
	return err
}
