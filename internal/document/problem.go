package document

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// MaxProblems is how many problems of one file are reported. Nobody reads more, and
// looking for them has to end.
const MaxProblems = 100

// Problem is one thing that is wrong with a document.
type Problem struct {
	File    string
	Line    int    // counted from 1; 0 when the whole file is meant
	Field   string // path as in spec.slos[0].ref; empty when no one field is meant
	Message string // what is wrong and how to mend it
}

// String is file:line: field: message, without the parts that are unknown.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is the error of documents that are wrong. Reach it with errors.As.
type Problems []Problem

// Error lists them, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err makes Problems of what was found in any number of files: ordered by file
// and line, without repetitions and at most MaxProblems of a file, after which
// one more tells that there are others. It is nil when nothing was found.
func Err(found []Problem) error {
	if len(found) == 0 {
		return nil
	}
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
	})
	var told Problems
	of := 0 // how many of the current file were reported
	for i, p := range slices.Compact(found) {
		if i == 0 || p.File != found[i-1].File {
			of = 0
		}
		switch of++; {
		case of <= MaxProblems:
			told = append(told, p)
		case of == MaxProblems+1:
			told = append(told, Problem{File: p.File, Line: p.Line, Message: "there are more problems from here on; fix those above first"})
		}
	}
	return told
}
