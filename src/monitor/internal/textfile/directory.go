package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/sys/unix"
)

const (
	// maxFile and maxAll bound what is read, in bytes: of a file, and of all.
	maxFile = 4 << 20
	maxAll  = 16 << 20
	// maxFiles bounds how many are read.
	maxFiles = 1000
)

var (
	errTimestamps = errors.New("it has timestamps; leave them out: the time of a sample is that of the scrape")
	errTooMuch    = fmt.Errorf("left out: with it, all files have more than %d bytes together", maxAll)
	errTooMany    = fmt.Errorf("it has more than %d files *.prom; the later ones are left out", maxFiles)
	errNotRegular = errors.New("not a regular file")
)

// file is one file that could be read.
type file struct {
	path     string
	modified float64 // seconds since 1970
	families map[string]*dto.MetricFamily
}

// problem is a file, or the directory, that something is wrong with.
type problem struct {
	path string
	err  error
}

// readDirectory reads all *.prom of a directory, in the order of their names. A
// file that is wrong costs only itself.
func readDirectory(dir string) (files []file, problems []problem) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, []problem{{dir, err}}
	}
	left, count := int64(maxAll), 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".prom") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if count++; count > maxFiles {
			return files, append(problems, problem{dir, errTooMany})
		}
		f, size, err := readFile(path, left)
		if err != nil {
			problems = append(problems, problem{path, err})
			continue
		}
		left -= size
		files = append(files, f)
	}
	return files, problems
}

// readFile reads one file of at most that many bytes.
func readFile(path string, most int64) (file, int64, error) {
	// A pipe that nobody writes to must not be waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return file{}, 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return file{}, 0, err
	}
	if !info.Mode().IsRegular() {
		return file{}, 0, errNotRegular
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	size := int64(len(content))
	switch {
	case err != nil:
		return file{}, 0, err
	case size > maxFile:
		return file{}, 0, fmt.Errorf("it has more than %d bytes", maxFile)
	case size > most:
		return file{}, 0, errTooMuch
	}
	families, err := parse(content)
	if err != nil {
		return file{}, 0, err
	}
	return file{path, float64(info.ModTime().UnixMilli()) / 1000, families}, size, nil
}

// parse reads Prometheus' text format, as node_exporter does.
func parse(content []byte) (families map[string]*dto.MetricFamily, err error) {
	defer func() {
		if v := recover(); v != nil { // the library panicked: one bad file must not end the process
			families, err = nil, fmt.Errorf("it cannot be read: %v", v)
		}
	}()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err = parser.TextToMetricFamilies(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.TimestampMs != nil {
				return nil, errTimestamps
			}
		}
	}
	return families, nil
}
