package cli

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// samplesTimeout bounds the export of one run's samples. Those of an hour are about a
// gigabyte before compression.
const samplesTimeout = 2 * time.Minute

// samplesName is the file of a run's samples.
func samplesName(r result.Run) string {
	if r.Attempt > 1 {
		return fmt.Sprintf("%s-%d.om.gz", r.Name, r.Attempt)
	}
	return r.Name + ".om.gz"
}

// keepSamples writes the samples of a run to a directory, which it creates if it is missing.
// It replaces the file of an earlier run only when the new one is complete. The error wraps
// report.ErrNotWritable.
func keepSamples(dir string, r result.Run, export func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: samples of %s: %w", report.ErrNotWritable, r.Name, err)
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".samples-*")
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	if err := errors.Join(export(z), z.Close(), f.Chmod(0o644), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, samplesName(r))); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
