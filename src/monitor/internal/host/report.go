package host

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrEmpty reports a file of the kernel that could be opened, but holds
// nothing to measure: an empty reading must never pass for a healthy zero.
var ErrEmpty = errors.New("no data")

// ErrUnsupported reports that the kernel here does not have what a collector
// reads. It is no failure: waiting does not help.
var ErrUnsupported = errors.New("unsupported here")

// ErrHidden reports a process that its procfs does not show to this one.
var ErrHidden = errors.New("process 1 is hidden: the procfs is mounted with hidepid, and this process may not see others")

// errMalformed reports a file whose every line is unreadable.
var errMalformed = errors.New("malformed")

// Reason says in one word why a figure is absent.
type Reason string

// The reasons there are.
const (
	Missing    Reason = "missing"     // the file does not exist
	Permission Reason = "permission"  // this process may not read it
	Hidden     Reason = "hidden"      // hidepid
	Empty      Reason = "empty"       // nothing is in it
	Malformed  Reason = "malformed"   // it holds something else
	NotVisible Reason = "not_visible" // the path leads to another mount
	Hangs      Reason = "hangs"       // no answer in time
	// OtherNamespace: it is about another network namespace than the figures.
	OtherNamespace Reason = "other_namespace"
	Other          Reason = "error" // any other error; the detail says which
)

// Problem is one file or mount point whose figures a reading lacks.
type Problem struct {
	// Path is the file as this process names it, or the mount point as the
	// host names it.
	Path   string `json:"path"`
	Reason Reason `json:"reason"`
	Detail string `json:"detail"`
}

// SkippedLine is one line that could not be read.
type SkippedLine struct {
	File string
	// Subject is what the line is about, as far as one can see: its first
	// word. It stays the same while the line's numbers change.
	Subject string
	Text    string
}

// Report says what a reading lacks, and why. The zero value is a whole
// reading.
type Report struct {
	Files   []Problem
	Mounts  []Problem
	Skipped []SkippedLine
	// Scopes say of which figures it is known whether they are the host's.
	Scopes []Scope
}

// Add puts another report's entries behind r's.
func (r *Report) Add(other Report) {
	r.Files = append(r.Files, other.Files...)
	r.Mounts = append(r.Mounts, other.Mounts...)
	r.Skipped = append(r.Skipped, other.Skipped...)
	r.Scopes = append(r.Scopes, other.Scopes...)
}

func (r *Report) lacks(path string, err error) {
	r.Files = append(r.Files, Problem{Path: clean(path), Reason: reasonOf(err), Detail: detailOf(err)})
}

func (r *Report) skip(file, subject, text string) {
	const enough = 200 // bytes: a line is quoted in logs
	if len(text) > enough {
		text = text[:enough]
	}
	r.Skipped = append(r.Skipped, SkippedLine{File: clean(file), Subject: clean(subject), Text: clean(text)})
}

func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, ErrHidden):
		return Hidden
	case errors.Is(err, ErrNotVisible):
		return NotVisible
	case errors.Is(err, ErrMountHangs):
		return Hangs
	case errors.Is(err, errOtherNamespace):
		return OtherNamespace
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	case errors.Is(err, fs.ErrPermission):
		return Permission
	case errors.Is(err, ErrEmpty):
		return Empty
	case errors.Is(err, errMalformed):
		return Malformed
	default:
		return Other
	}
}

// detailOf leaves the path out, which stands beside it.
func detailOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) && !errors.Is(err, ErrHidden) {
		return path.Err.Error()
	}
	return err.Error()
}

// unsupported marks the error of a collector's main file. A file that does
// not exist is nothing to wait for; one that may not be read is a failure.
func unsupported(what string, err error) error {
	if reasonOf(err) == Missing {
		return fmt.Errorf("%s: %w: %w", what, ErrUnsupported, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
