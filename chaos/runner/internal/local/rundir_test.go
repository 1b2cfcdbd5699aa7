package local

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A run that begins or ends beside another must never look like what a dead one
// has left, however closely it is watched.
func TestARunThatBeginsOrEndsIsNoLeftover(t *testing.T) {
	root := t.TempDir()
	done := make(chan struct{})
	var neighbours sync.WaitGroup
	for range 2 {
		neighbours.Go(func() {
			for range 200 {
				dir, err := newRunDir(root)
				if err != nil {
					t.Error(err)
					return
				}
				for _, name := range []string{"a.log", "b.log", "c.log"} {
					err = errors.Join(err, os.WriteFile(filepath.Join(dir.path, name), nil, 0o600))
				}
				if err := errors.Join(err, dir.note("neighbour"), dir.close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { neighbours.Wait(); close(done) }()
	looks, misread := 0, 0
	for {
		found, err := find(root, false)
		if err != nil {
			t.Error(err)
		}
		looks++
		misread += len(found.directories)
		select {
		case <-done:
			if misread > 0 {
				t.Errorf("%d times in %d looks, a living run was taken for a dead one", misread, looks)
			}
			if left, err := os.ReadDir(root); err != nil || len(left) != 1 { // the root's lock
				t.Errorf("left: %v, %v", left, err)
			}
			return
		default:
		}
	}
}

// What a run leaves that is killed while it begins or ends is found, too.
func TestSweepFindsWhatAKilledBeginningOrEndHasLeft(t *testing.T) {
	root := t.TempDir()
	for name, files := range map[string][]string{
		"run-1": {lockFile, runsFile}, "new-2": nil, "new-3": {lockFile}, "old-4": {lockFile, "a.log"}, "old-5": nil, "other": nil,
	} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.WriteFile(filepath.Join(root, name, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := Leftovers(root)
	if err != nil || len(found) != 2 || found[0].Name != "old-4" || found[1].Name != "run-1" {
		t.Errorf("leftovers %v, %v; want old-4 and run-1, which nobody holds", found, err)
	}
	removed, err := Sweep(t.Context(), root, slog.New(slog.DiscardHandler))
	if err != nil || len(removed) != 5 {
		t.Errorf("removed %v, %v; want all five", removed, err)
	}
	if _, err := os.Stat(filepath.Join(root, "other")); err != nil {
		t.Error(err)
	}
}
