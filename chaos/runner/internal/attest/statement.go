// Package attest attaches the report of a run to the image that was run, as an OCI
// referrer, and reads what was attached. It judges nothing: what an attached report is
// worth is for its reader to compute.
package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// StatementVersion of the statement. It changes when a reader of the old one would
// misread the new one.
const StatementVersion = "ballast.dev/attestation/v1"

// ErrStatement is returned for a statement that does not say what it has to.
var ErrStatement = errors.New("not a statement about a run")

// Statement says what a report is evidence of. It is the word of whoever attached it;
// Documents, Runner and Report can be computed again from the report, and are.
type Statement struct {
	Version string `json:"version"`
	// Image is the digest of the image that ran: "sha256:" and 64 hexadecimal digits.
	Image string `json:"image"`
	// Revision is the commit of the charts that it was deployed with, 40 hexadecimal digits.
	Revision    string `json:"revision"`
	Environment string `json:"environment"`
	// Target is where the faults were injected: local or cluster.
	Target string `json:"target"`
	// Documents are the experiments that were run, each once, by name.
	Documents []Document `json:"documents"`
	Runner    Runner     `json:"runner"`
	// Report is the digest of the attached report.json.
	Report string `json:"report"`
}

// Document is an experiment and what was asked by it.
type Document struct {
	Name string `json:"name"`
	// Digest is what [DocumentDigest] makes of the experiment and its faults.
	Digest string `json:"digest"`
}

// Runner is the program that ran the experiments.
type Runner struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Digest   string `json:"digest"` // of the executable
}

// Claim is what only the one who attaches can say.
type Claim struct {
	Image, Revision, Environment string
}

var (
	digestForm   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	revisionForm = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// IsDigest is true for "sha256:" and 64 hexadecimal digits in lower case.
func IsDigest(s string) bool { return digestForm.MatchString(s) }

// IsRevision is true for the whole name of a commit: 40 hexadecimal digits in lower case.
func IsRevision(s string) bool { return revisionForm.MatchString(s) }

// IsEnvironment is true for what a directory of environments can be called.
func IsEnvironment(s string) bool { return len(validation.IsDNS1123Label(s)) == 0 }

// Digest is the sha256 of data, as OCI writes it.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// DocumentDigest is the digest of what an experiment asks for: the text of its document
// and of its faults, in their order, as they stand in the file.
func DocumentDigest(experiment string, faults []string) string {
	// A list in JSON has one reading, however the texts end and begin.
	data, err := json.Marshal(append([]string{experiment}, faults...))
	if err != nil {
		return "" // Strings can always be encoded.
	}
	return Digest(data)
}

// RunDigest is the [DocumentDigest] of the experiment that a run was of.
func RunDigest(run result.Run) string {
	texts := make([]string, 0, len(run.Faults))
	for _, f := range run.Faults {
		texts = append(texts, f.YAML)
	}
	return DocumentDigest(run.YAML, texts)
}

// NewStatement says of a report, whose bytes are given, what the claim is. The error wraps
// ErrStatement and lists everything that is missing.
func NewStatement(c Claim, r result.Report, report []byte) (Statement, error) {
	s := Statement{
		Version: StatementVersion, Image: c.Image, Revision: c.Revision, Environment: c.Environment,
		Target: r.Target.Kind, Documents: documentsOf(r), Report: Digest(report),
		Runner: Runner{Version: r.Tool.Version, Revision: r.Tool.Revision, Digest: r.Tool.Digest},
	}
	return s, s.check()
}

// documentsOf lists the experiments of a report, each once, in their order.
func documentsOf(r result.Report) []Document {
	out := []Document{}
	for _, run := range r.Experiments {
		d := Document{Name: run.Name, Digest: RunDigest(run)}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// Matches says in what a statement differs from the report that it came with: each
// difference is an error that wraps ErrStatement.
func (s Statement) Matches(r result.Report, report []byte) error {
	want, err := NewStatement(Claim{s.Image, s.Revision, s.Environment}, r, report)
	if err != nil {
		return err
	}
	var errs []error
	differs := func(what string) {
		errs = append(errs, fmt.Errorf("%w: its %s is not that of the report", ErrStatement, what))
	}
	if s.Report != want.Report {
		differs("report digest")
	}
	if s.Target != want.Target {
		differs("target")
	}
	if !slices.Equal(s.Documents, want.Documents) {
		differs("list of experiment documents")
	}
	if s.Runner != want.Runner {
		differs("runner")
	}
	return errors.Join(errs...)
}

func (s Statement) check() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrStatement}, args...)...))
	}
	if s.Version != StatementVersion {
		wrong("version %q; this program reads %q", s.Version, StatementVersion)
	}
	if !IsDigest(s.Image) {
		wrong("image %q is not a digest; want sha256: and 64 hexadecimal digits", s.Image)
	}
	if !IsRevision(s.Revision) {
		wrong("revision %q is not a commit; want its 40 hexadecimal digits", s.Revision)
	}
	if !IsEnvironment(s.Environment) {
		wrong("environment %q; want lower-case letters, digits and inner dashes", s.Environment)
	}
	if s.Target != result.TargetLocal && s.Target != result.TargetCluster {
		wrong("target %q; want local or cluster", s.Target)
	}
	if len(s.Documents) == 0 {
		wrong("it is about no experiment")
	}
	for i, d := range s.Documents {
		if d.Name == "" || !IsDigest(d.Digest) {
			wrong("documents[%d] has the name %q and the digest %q", i, d.Name, d.Digest)
		}
	}
	if !IsDigest(s.Runner.Digest) {
		wrong("the report does not say which program made it (tool.digest is %q); run the experiments again with this version of ballast", s.Runner.Digest)
	}
	if !IsDigest(s.Report) {
		wrong("report %q is not a digest", s.Report)
	}
	return errors.Join(errs...)
}

// DecodeStatement reads one statement strictly: unknown fields, another version and
// anything after it are errors that wrap ErrStatement.
func DecodeStatement(data []byte) (Statement, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Statement
	if err := dec.Decode(&s); err != nil {
		return Statement{}, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Statement{}, fmt.Errorf("%w: something follows it", ErrStatement)
	}
	return s, s.check()
}
