package local

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The limit is the whole process's, so that this test must not run beside others.
func TestAFleetIsRefusedThatWouldRunOutOfOpenFiles(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(n uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { limit(before.Cur) })
	for _, tt := range []struct {
		name  string
		limit uint64
		rate  float64
		ok    bool
	}{
		{"32 files are too few for any fleet", 32, 1, false},
		{"256 are enough for a plan", 256, 10, true},
		{"256 are too few when 100 requests wait", 256, 100, false},
		{"the usual 1024 are enough at any rate", 1024, 10_000, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limit(tt.limit)
			err := enoughFiles(tt.rate)
			limit(before.Cur)
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if err != nil && (!errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "ulimit -n 1024")) {
				t.Errorf("%v: it does not say what to do", err)
			}
		})
	}
}
