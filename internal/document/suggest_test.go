package document

import (
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	known := []string{"observe", "baseline", "recover"}
	for word, want := range map[string]string{
		"obsreve":                         "; did you mean observe?",
		"Recover":                         "; did you mean recover?",
		"base":                            "; known are baseline, observe, recover",
		"basline":                         "; did you mean baseline?",
		"whatever":                        "; known are baseline, observe, recover",
		"":                                "; known are baseline, observe, recover",
		strings.Repeat("observe", 10_000): "; known are baseline, observe, recover",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("Suggest(%.20q) = %q, want %q", word, got, want)
		}
	}
	if got := Suggest("x", nil); got != "; none is known here" {
		t.Errorf("without known words: %q", got)
	}
}
