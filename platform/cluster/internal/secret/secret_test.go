package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestASecretIsMadeOnceAndIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	got := make([]string, 8)
	var work sync.WaitGroup
	for i := range got {
		work.Go(func() {
			var err error
			if got[i], err = In(path); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	for _, each := range got {
		if each != got[0] || len(each) < 26 { // 128 bits in base 32
			t.Fatalf("they are %q, want one that nobody guesses", got)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v, %v", info, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	other, err := In(filepath.Join(dir, "other"))
	if err != nil || other == got[0] {
		t.Errorf("two secrets are %q, %v", other, err)
	}
	if err := os.WriteFile(path, []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if kept, err := In(path); err != nil || kept != "mine" {
		t.Errorf("one that is there is %q, %v", kept, err)
	}
	if _, err := In(filepath.Join(dir, "absent", "token")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}
