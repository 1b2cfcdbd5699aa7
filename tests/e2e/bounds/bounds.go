// Package bounds judges what is measured on a real machine.
package bounds

import "fmt"

// slack is how far a figure may miss its bound before that is a failure. The bound is
// what users are promised on a machine that does nothing else; a machine that also
// compiles is slower, but nothing that is twice too slow can be put down to that.
const slack = 2

// Judge returns a line that shows a measurement beside its bound, which is in the same
// unit and not below 0, and whether it is good enough. One that misses its bound is,
// up to twice the bound; one that is not a number is not.
func Judge(what string, got, bound float64, unit string) (line string, ok bool) {
	ok = got <= slack*bound
	verdict := "FAILED"
	switch {
	case got <= bound:
		verdict = "ok"
	case ok:
		verdict = "MISSED"
	}
	return fmt.Sprintf("FIGURE %s: %.4g %s, bound %.4g %s: %s", what, got, unit, bound, unit, verdict), ok
}
