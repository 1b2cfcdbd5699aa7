package document

import (
	"slices"
	"strings"
)

// Checker collects what is wrong with one document, in its form and then in its
// sense. Beyond MaxProblems it notes nothing more.
type Checker struct {
	Doc      Document
	Problems []Problem
}

// Decode fills into like Document.Decode and notes the problems.
func (c *Checker) Decode(into any) {
	c.Problems = append(c.Problems, c.Doc.Decode(into)...)
}

// Problem notes a problem of the field with this path.
func (c *Checker) Problem(path, format string, args ...any) {
	// One more than is reported, so that Err knows that there are more.
	if len(c.Problems) <= MaxProblems {
		c.Problems = append(c.Problems, c.Doc.Problem(path, format, args...))
	}
}

// Bad tells whether a problem with the field, with something within it or with
// what it lies in is known already: its value is then empty for that reason, and
// a second problem about it would only confuse.
func (c *Checker) Bad(path string) bool {
	return slices.ContainsFunc(c.Problems, func(p Problem) bool {
		return p.Field != "" && (within(p.Field, path) || within(path, p.Field))
	})
}

// within tells whether the path is that of the field or of something in it.
func within(path, field string) bool {
	rest, ok := strings.CutPrefix(path, field)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
