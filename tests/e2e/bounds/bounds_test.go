package bounds_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ballast-sre/ballast/tests/e2e/bounds"
)

func TestAFigureFailsWhenItMissesItsBoundByMoreThanTwice(t *testing.T) {
	tests := map[string]struct {
		got, bound float64
		line       string
		ok         bool
	}{
		"within the bound":           {3.14159, 5, "FIGURE a heal: 3.142 s, bound 5 s: ok", true},
		"at the bound":               {5, 5, "FIGURE a heal: 5 s, bound 5 s: ok", true},
		"a little above":             {5.01, 5, "FIGURE a heal: 5.01 s, bound 5 s: MISSED", true},
		"twice the bound":            {10, 5, "FIGURE a heal: 10 s, bound 5 s: MISSED", true},
		"more than twice the bound":  {10.01, 5, "FIGURE a heal: 10.01 s, bound 5 s: FAILED", false},
		"none where none is allowed": {0, 0, "FIGURE a heal: 0 s, bound 0 s: ok", true},
		"one where none is allowed":  {1, 0, "FIGURE a heal: 1 s, bound 0 s: FAILED", false},
		"not measured at all":        {math.NaN(), 5, "FIGURE a heal: NaN s, bound 5 s: FAILED", false},
		"without a bound":            {1, math.NaN(), "FIGURE a heal: 1 s, bound NaN s: FAILED", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			line, ok := bounds.Judge("a heal", tt.got, tt.bound, "s")
			if line != tt.line || ok != tt.ok {
				t.Errorf("got %q, %t; want %q, %t", line, ok, tt.line, tt.ok)
			}
		})
	}
}

// What is printed as a figure without being judged is a claim that nothing holds.
func TestEveryFigureOfTheTestsIsJudged(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests to read: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"FIGURE`)) {
			t.Errorf("%s prints a figure by itself, without a bound: use figure", filepath.Base(file))
		}
	}
}
