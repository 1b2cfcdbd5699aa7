package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// The media types of what is attached.
const (
	ArtifactType                  = "application/vnd.ballast.verdict.v1+json"
	reportType    types.MediaType = "application/vnd.ballast.report.v2+json"
	annotationFor                 = "dev.ballast."
	annotationEnd                 = "org.opencontainers.image.created"
)

// Bounds of what is read from a registry, in bytes.
const (
	maxStatement = 1 << 20
	maxReport    = 64 << 20
)

// ErrArtifact is returned for what is attached under our type and cannot be read.
var ErrArtifact = errors.New("not an attached verdict")

// artifact is a manifest with a statement as its config and a report as its layer.
type artifact struct {
	manifest  []byte
	statement []byte
	report    v1.Layer
}

// newArtifact makes an artifact whose bytes depend on its input alone, so that attaching
// twice is attaching once.
func newArtifact(subject v1.Descriptor, s Statement, verdict result.Verdict, ended time.Time, report []byte) (v1.Image, error) {
	statement, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	layer := static.NewLayer(report, reportType)
	config, err := partial.Descriptor(static.NewLayer(statement, types.MediaType(ArtifactType)))
	if err != nil {
		return nil, fmt.Errorf("describe the statement: %w", err)
	}
	content, err := partial.Descriptor(layer)
	if err != nil {
		return nil, fmt.Errorf("describe the report: %w", err)
	}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: ArtifactType,
		Config: *config, Layers: []v1.Descriptor{*content}, Subject: &subject,
		// For people who list what is attached; nobody decides by them.
		Annotations: map[string]string{
			annotationFor + "verdict": string(verdict), annotationFor + "environment": s.Environment, annotationFor + "revision": s.Revision,
			annotationEnd: ended.UTC().Format(time.RFC3339),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return partial.CompressedToImage(artifact{manifest: manifest, statement: statement, report: layer})
}

func (a artifact) RawManifest() ([]byte, error)        { return a.manifest, nil }
func (a artifact) RawConfigFile() ([]byte, error)      { return a.statement, nil }
func (a artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (a artifact) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if d, err := a.report.Digest(); err != nil || d != h {
		return nil, fmt.Errorf("%w: it has no layer %s", ErrArtifact, h)
	}
	return a.report, nil
}

// Attached is a statement with its report, as a registry holds them.
type Attached struct {
	// Digest of the manifest, by which it is found and signed.
	Digest    string
	Statement Statement
	Report    []byte
}

// readArtifact reads what was attached to a subject. Digests are compared on the way. The
// error wraps ErrArtifact, or what the registry said.
func readArtifact(img v1.Image, subject v1.Hash) (Attached, error) {
	m, err := img.Manifest()
	if err != nil {
		return Attached{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return Attached{}, err
	}
	a := Attached{Digest: digest.String()}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w: "+format, append([]any{digest, ErrArtifact}, args...)...)
	}
	switch {
	case m.Config.MediaType != types.MediaType(ArtifactType):
		return a, wrong("its type is %s", m.Config.MediaType)
	case m.Subject == nil || m.Subject.Digest != subject:
		return a, wrong("it is not attached to %s", subject)
	case len(m.Layers) != 1 || m.Layers[0].MediaType != reportType:
		return a, wrong("it does not hold one report of version %s", result.Version)
	case m.Config.Size > maxStatement || m.Layers[0].Size > maxReport:
		return a, wrong("it is larger than %d MiB", maxReport>>20)
	}
	statement, err := img.RawConfigFile()
	if err != nil {
		return a, err
	}
	if a.Statement, err = DecodeStatement(statement); err != nil {
		return a, fmt.Errorf("%s: %w: %w", digest, ErrArtifact, err)
	}
	if a.Statement.Image != subject.String() {
		return a, wrong("it is attached to %s and speaks of %s", subject, a.Statement.Image)
	}
	a.Report, err = readLayer(img, m.Layers[0])
	return a, err
}

func readLayer(img v1.Image, d v1.Descriptor) ([]byte, error) {
	layer, err := img.LayerByDigest(d.Digest)
	if err != nil {
		return nil, err
	}
	r, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, d.Size+1))
	if err != nil {
		return nil, fmt.Errorf("read the report %s: %w", d.Digest, err)
	}
	if got := Digest(data); got != d.Digest.String() {
		return nil, fmt.Errorf("%w: the report has the digest %s, its manifest names %s", ErrArtifact, got, d.Digest)
	}
	return data, nil
}

// Decode reads the report and compares the statement with it. The errors wrap
// ErrStatement, result.ErrVersion or result.ErrMalformed.
func (a Attached) Decode() (result.Report, error) {
	r, err := result.Decode(bytes.NewReader(a.Report))
	if err != nil {
		return r, err
	}
	return r, a.Statement.Matches(r, a.Report)
}

// Short is as much of a digest as a person compares.
func Short(digest string) string {
	const most = 12
	hex := strings.TrimPrefix(digest, "sha256:")
	return hex[:min(len(hex), most)]
}
