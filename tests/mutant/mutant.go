// Package mutant changes files of copies, to see that a check fails.
package mutant

import (
	"os"
	"strings"
	"testing"
)

// Edit replaces the first occurrence of a text in a file, which has to be there: a test must
// not pass because the file has changed since.
func Edit(t testing.TB, file, old, by string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not say %q", file, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, by, 1)), 0o600); err != nil { //nolint:gosec // A test names its own copy.
		t.Fatal(err)
	}
}
