package slo

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with one document, and how to mend it.
type Problem struct {
	File    string
	Line    int    // 1-based; 0 when no line is to blame
	Field   string // path in the document such as spec.objectives[0].target; may be empty
	Message string
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.File != "" {
		b.WriteString(": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems are all problems that were found, in the order of files and lines.
// Retrieve them from an error with errors.As.
type Problems []Problem

// Error lists every problem on a line of its own.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
