// Package executable writes the programs that tests run in the place of real ones.
package executable

import (
	"os"
	"syscall"
	"testing"
)

// Write makes a program of a text. It is closed before any child is forked: one that is
// forked meanwhile, by another test, would hold the file open for writing, and a file that
// is cannot be run ("text file busy").
func Write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
