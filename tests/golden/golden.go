// Package golden compares what tests make with files of the repository.
package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Compare fails the test where the file differs from what there is now. It writes the file
// first when update is set, which is the flag -update of the test.
func Compare(t testing.TB, file, now string, update bool) {
	t.Helper()
	if update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if d := cmp.Diff(string(want), now); d != "" {
		t.Errorf("%s (-golden +now), run with -update if it is meant:\n%s", file, d)
	}
}
