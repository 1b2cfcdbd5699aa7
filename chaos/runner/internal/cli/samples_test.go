package cli

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestSamplesOfARunAreKeptWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "below")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, werr := io.WriteString(w, text)
			return errors.Join(werr, err)
		}
	}
	read := func(name string) string {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first, again := result.Run{Name: "kill", Attempt: 1}, result.Run{Name: "kill", Attempt: 2}
	if err := errors.Join(keepSamples(dir, first, write("a", nil)), keepSamples(dir, again, write("b", nil))); err != nil {
		t.Fatal(err)
	}
	// What cannot be written leaves what was there.
	gone := errors.New("gone")
	if err := keepSamples(dir, first, write("half", gone)); !errors.Is(err, gone) || !errors.Is(err, report.ErrNotWritable) || exitCode(err) != exitNotWritable {
		t.Errorf("half a file: %v", err)
	}
	if read("kill.om.gz") != "a" || read("kill-2.om.gz") != "b" {
		t.Error("the files are not those of the runs")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
	// A directory has the name of the file: the error leaves no temporary file behind.
	if err := os.Mkdir(filepath.Join(dir, "taken.om.gz"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := keepSamples(dir, result.Run{Name: "taken", Attempt: 1}, write("a", nil)); !errors.Is(err, report.ErrNotWritable) {
		t.Errorf("a directory in place of the file: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := keepSamples(filepath.Join(dir, "kill.om.gz"), first, write("a", nil)); !errors.Is(err, report.ErrNotWritable) {
		t.Errorf("a file in place of the directory: %v", err)
	}
}
