package document

import (
	"slices"
	"strings"
)

// Suggest ends a sentence about an unknown word with the fix: the known word
// that was probably meant, or else all that are known. It starts with "; ".
func Suggest(word string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	best, least := "", min(max(1, len(word)/3), maxDistance)+1
	for _, k := range known {
		if strings.EqualFold(k, word) {
			return "; did you mean " + k + "?"
		}
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return "; did you mean " + best + "?"
	case len(known) == 0:
		return "; none is known here"
	case len(known) == 1:
		return "; the only one here is " + known[0]
	default:
		return "; known are " + strings.Join(known, ", ")
	}
}

// distance is the number of single letters to insert, delete or replace, or
// neighbours to swap, to make one word of the other.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x) > len(y)+maxDistance || len(y) > len(x)+maxDistance {
		return maxDistance + 1
	}
	before := make([]int, len(y)+1)
	last := make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row := make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			replace := last[j]
			if x[i] != y[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}

// maxDistance bounds the work on long words: a key of a megabyte has no neighbour.
const maxDistance = 12
