package report

import "github.com/ballast-sre/ballast/chaos/runner/internal/result"

// palette paints text for a terminal, or leaves it alone.
type palette struct{ on bool }

func painter(on bool) palette { return palette{on} }

func (p palette) sgr(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p palette) bold(s string) string { return p.sgr("1", s) }
func (p palette) dim(s string) string  { return p.sgr("2", s) }

func (p palette) verdict(v result.Verdict) string { return p.colour(v, string(v)) }

// colour paints s as v is painted. The word is always there too.
func (p palette) colour(v result.Verdict, s string) string {
	switch v {
	case result.Pass:
		return p.sgr("32", s)
	case result.Fail:
		return p.sgr("31;1", s)
	case result.Inconclusive:
		return p.sgr("33", s)
	default:
		return p.sgr("35;1", s)
	}
}
