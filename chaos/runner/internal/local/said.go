package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// logTail is how much of the end of a log is read, in bytes.
const logTail = 256 << 10

// Said returns what the pods' containers logged, those of deleted pods included. Lines
// without a time of their own have that of the line before.
func (e *Environment) Said(ctx context.Context, _ fault.Plan, from, to time.Time) (lines []fault.Said, missing []string) {
	files, err := filepath.Glob(filepath.Join(e.dir.path, "*.log"))
	if err != nil {
		return nil, []string{"logs: " + err.Error()}
	}
	for _, file := range files {
		if filepath.Base(file) == keeperLog {
			continue
		}
		if ctx.Err() != nil {
			return lines, append(missing, "logs: "+ctx.Err().Error())
		}
		of, err := readLog(file, strings.TrimSuffix(filepath.Base(file), ".log"), from, to)
		lines = append(lines, of...)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, "logs: "+err.Error())
		}
	}
	return lines, missing
}

// readLog reads the lines of one log that lie in a window.
func readLog(path, source string, from, to time.Time) (_ []fault.Said, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	cut := false
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		if _, err := f.Seek(-logTail, io.SeekEnd); err != nil {
			return nil, err
		}
		cut = true
	}
	var out []fault.Said
	var at time.Time
	s := bufio.NewScanner(f)
	s.Buffer(nil, logTail)
	for s.Scan() {
		if cut { // the rest of a line
			cut = false
			continue
		}
		if t, ok := timeOf(s.Text()); ok {
			at = t
		}
		if !at.Before(from) && !at.After(to) {
			out = append(out, fault.Said{At: at, Source: source, Text: s.Text()})
		}
	}
	return out, s.Err()
}

// timeOf is when a line of structured logs was written.
func timeOf(line string) (time.Time, bool) {
	var l struct {
		Time time.Time `json:"time"`
	}
	if json.Unmarshal([]byte(line), &l) != nil || l.Time.IsZero() {
		return time.Time{}, false
	}
	return l.Time, true
}
