package main

import (
	"slices"
	"testing"
)

// A chart that is not in the repository cannot be rendered: a reader has to know of it.
func TestWhatIsNotRenderedIsListed(t *testing.T) {
	const chart = "chaos: chart chaos-mesh 2.8.3 of https://charts.chaos-mesh.org"
	for name, tc := range map[string]struct {
		before, after rendered
		want          []string
	}{
		"everything is rendered":           {rendered{}, rendered{}, nil},
		"a chart that comes":               {rendered{}, rendered{absent: []string{chart}}, []string{"- " + chart + ", which it was not before: it is fetched when it is installed"}},
		"a chart that stays":               {rendered{absent: []string{chart}}, rendered{absent: []string{chart}}, []string{"- " + chart + ", as before: it is fetched when it is installed"}},
		"a chart that goes":                {rendered{absent: []string{chart}}, rendered{}, nil},
		"what had no revision, and has":    {rendered{nothing: []string{"monitor (none)"}}, rendered{}, []string{"- before: monitor (none) has no revision, so nothing of it runs"}},
		"what has no revision, and had it": {rendered{}, rendered{nothing: []string{"monitor (none)"}}, []string{"- after: monitor (none) has no revision, so nothing of it runs"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := missingLines(tc.before, tc.after); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
