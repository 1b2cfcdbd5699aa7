package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	first, err := secret(path)
	if err != nil || len(first) < 20 {
		t.Fatalf("%q, %v", first, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if second, err := secret(path); err != nil || second != first {
		t.Errorf("%q became %q, %v", first, second, err)
	}
	other, err := secret(path + "-2")
	if err != nil || other == first {
		t.Errorf("another one is the same: %q, %v", other, err)
	}
	if err := os.WriteFile(path, []byte("by hand\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := secret(path); err != nil || got != "by hand" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := secret(filepath.Join(path, "below-a-file")); err == nil || !strings.HasPrefix(err.Error(), "secret of the cluster: ") {
		t.Errorf("where none can be: %v", err)
	}
}
