package promserver_test

import (
	"io/fs"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// The database panics when its disk is full, so it must not use one: neither while
// it is open, however long that is, nor when it is closed.
func TestSamplesAreNeverWrittenToDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, err := promserver.Open(promserver.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var points []prom.Sample
		for i := range 1000 { // several full chunks
			points = append(points, prom.Sample{T: time.Now().Add(time.Duration(i) * time.Second), V: float64(i)})
		}
		if err := s.Backfill(t.Context(), []prom.Series{{Labels: map[string]string{"__name__": "a"}, Points: points}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		written(t, dir, "while it was open")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		written(t, dir, "when it was closed")
	})
}

// written fails when a file of dir has content.
func written(t *testing.T, dir, when string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > 0 {
			t.Errorf("%s, %d bytes were written to %s", when, info.Size(), path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
