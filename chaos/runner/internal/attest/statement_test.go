package attest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func statementOf(t testing.TB, r result.Report, data []byte) Statement {
	t.Helper()
	s, err := NewStatement(Claim{Digest([]byte("image")), revision, "staging"}, r, data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAStatementSaysAllThatItHasTo(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Statement)
		says string
	}{
		"as it is made":             {func(*Statement) {}, ""},
		"of another version":        {func(s *Statement) { s.Version = "v0" }, `version "v0"`},
		"of a tag":                  {func(s *Statement) { s.Image = "monitor:v1" }, "is not a digest"},
		"of a branch":               {func(s *Statement) { s.Revision = "main" }, "is not a commit"},
		"of a short commit":         {func(s *Statement) { s.Revision = revision[:12] }, "is not a commit"},
		"of no environment":         {func(s *Statement) { s.Environment = "../prod" }, "environment"},
		"of no target":              {func(s *Statement) { s.Target = "moon" }, "want local or cluster"},
		"about nothing":             {func(s *Statement) { s.Documents = nil }, "about no experiment"},
		"about a nameless document": {func(s *Statement) { s.Documents[0].Name = "" }, "documents[0]"},
		"by an unknown program":     {func(s *Statement) { s.Runner.Digest = "" }, "which program made it"},
		"of no report":              {func(s *Statement) { s.Report = "x" }, "is not a digest"},
	} {
		t.Run(name, func(t *testing.T) {
			r, data := reportOf(t, "x")
			s := statementOf(t, r, data)
			tc.edit(&s)
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			_, err = DecodeStatement(text)
			if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, ErrStatement) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

func TestAStatementMatchesItsReportAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Statement, *result.Report, *[]byte)
		says string
	}{
		"its own":                {func(*Statement, *result.Report, *[]byte) {}, ""},
		"with a byte changed":    {func(_ *Statement, _ *result.Report, data *[]byte) { (*data)[0] = ' ' }, "report digest"},
		"of another experiment":  {func(_ *Statement, r *result.Report, _ *[]byte) { r.Experiments[0].YAML = "kind: Other\n" }, "list of experiment documents"},
		"of one experiment more": {func(s *Statement, _ *result.Report, _ *[]byte) { s.Documents = append(s.Documents, s.Documents[0]) }, "list of experiment documents"},
		"by another runner":      {func(s *Statement, _ *result.Report, _ *[]byte) { s.Runner.Version = "v2" }, "runner"},
		"on another target":      {func(s *Statement, _ *result.Report, _ *[]byte) { s.Target = result.TargetLocal }, "target"},
	} {
		t.Run(name, func(t *testing.T) {
			r, data := reportOf(t, "x")
			s := statementOf(t, r, data)
			tc.edit(&s, &r, &data)
			err := s.Matches(r, data)
			if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, ErrStatement) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

func TestADocumentsDigestHasOneReading(t *testing.T) {
	seen := map[string]string{}
	for name, d := range map[string]string{
		"no fault":                DocumentDigest("a", nil),
		"one fault":               DocumentDigest("a", []string{"b"}),
		"two faults":              DocumentDigest("a", []string{"b", "c"}),
		"in another order":        DocumentDigest("a", []string{"c", "b"}),
		"one text instead of two": DocumentDigest("ab", nil),
	} {
		if before, ok := seen[d]; ok {
			t.Errorf("%s and %s have one digest", name, before)
		}
		seen[d] = name
	}
}

func FuzzDecodeStatement(f *testing.F) {
	f.Add([]byte(`{"version": "ballast.dev/attestation/v1"}`))
	f.Add([]byte(`{} {}`))
	f.Add([]byte(`{"image": 1, "documents": [null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeStatement(data)
		if err != nil {
			if !errors.Is(err, ErrStatement) {
				t.Errorf("%v is not an ErrStatement", err)
			}
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeStatement(again); err != nil {
			t.Errorf("what was taken is refused when it is written again: %v", err)
		}
	})
}

func TestAnArtifactIsReadForWhatItIs(t *testing.T) {
	r, data := reportOf(t, "x")
	good := statementOf(t, r, data)
	subject := func(digest string) v1.Descriptor {
		h, err := v1.NewHash(digest)
		if err != nil {
			t.Fatal(err)
		}
		return v1.Descriptor{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: h, Size: 1}
	}
	other := good
	other.Image = Digest([]byte("another image"))
	for name, tc := range map[string]struct {
		on   v1.Descriptor
		s    Statement
		says string
	}{
		"what was attached":                 {subject(good.Image), good, ""},
		"what is attached to another image": {subject(other.Image), good, "it is not attached to"},
		"what speaks of another image":      {subject(good.Image), other, "speaks of " + other.Image},
		"what says nothing":                 {subject(good.Image), Statement{}, "not a statement"},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := newArtifact(tc.on, tc.s, r.Verdict, r.Ended, data)
			if err != nil {
				t.Fatal(err)
			}
			a, err := readArtifact(img, subject(good.Image).Digest)
			if tc.says != "" {
				if !errors.Is(err, ErrArtifact) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v, want %q", err, tc.says)
				}
				return
			}
			if err != nil || string(a.Report) != string(data) {
				t.Errorf("it is not read as it was written: %v", err)
			}
		})
	}
}
