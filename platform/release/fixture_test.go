package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ballast-sre/ballast/internal/image"
)

const aRevision = "0123456789abcdef0123456789abcdef01234567"

// call runs the command line.
func call(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

// newServer is a registry that knows what refers to an image, or does not.
func newServer(t *testing.T, referrers bool) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrers), registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// program names the variable with the path of a small program of Go.
const program = "BALLAST_RELEASE_TEST_PROGRAM"

func TestMain(m *testing.M) { os.Exit(prepared(m)) }

// prepared builds that program once for all tests.
func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ballast-release-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./testdata/program")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(program, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// anImage runs that program.
func anImage(t *testing.T, arch string, more ...image.File) v1.Image {
	t.Helper()
	layer, err := image.Files(append(append(image.Accounts(), image.Program(os.Getenv(program), "/program")), more...)...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(image.Config{Arch: arch, Entrypoint: []string{"/program"}, User: "65532:65532"}, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// stored is a release of one image for two architectures, as build leaves it.
func stored(t *testing.T, more ...image.File) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	b, err := store(dir, "monitor", aRevision, map[string]v1.Image{"amd64": anImage(t, "amd64", more...), "arm64": anImage(t, "arm64", more...)})
	if err != nil {
		t.Fatal(err)
	}
	if err := save(dir, record{Revision: aRevision, Images: map[string]built{"monitor": b}}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// scanner is a program that prints what govulncheck printed of a program once.
func scanner(t *testing.T, recorded string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", recorded))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	said := filepath.Join(dir, "said.json")
	// The recording is as old as it is; the database that it speaks of is of today.
	if err := os.WriteFile(said, bytes.ReplaceAll(data, []byte("2026-11-30T00:00:00Z"), []byte(time.Now().UTC().Format(time.RFC3339))), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "govulncheck")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexec cat "+said+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func noExceptions() string { return "--exceptions=exceptions.yaml" }

// released goes through the steps after building, to a registry.
func released(t *testing.T, dir, key, at string) (stdout string) {
	t.Helper()
	for _, args := range [][]string{
		{"scan", "--scanner=" + scanner(t, "clean.json"), noExceptions()},
		{"sign", "--key=" + key, "--registry=" + at},
		{"publish", "--registry=" + at},
	} {
		code, out, stderr := call(append(args, "--dir="+dir)...)
		if code != exitOK {
			t.Fatalf("%s: exit %d: %s%s", args[0], code, out, stderr)
		}
		stdout = out
	}
	return stdout
}

func newKeyFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys", "release.key")
	if code, _, stderr := call("key", "--out="+file); code != exitOK {
		t.Fatal(stderr)
	}
	return file
}

// signed wants exactly one signature of the digest.
func signed(t *testing.T, repo name.Repository, digest, public string) {
	t.Helper()
	img, err := remote.Image(repo.Tag(strings.Replace(digest, ":", "-", 1)+".sig"), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil || len(m.Layers) != 1 {
		t.Fatalf("%d signatures, %v", len(m.Layers), err)
	}
	payload := layer(t, img, 0)
	sig, err := base64.StdEncoding.DecodeString(m.Layers[0].Annotations[annotation])
	if err != nil || string(m.Layers[0].MediaType) != payloadType {
		t.Fatal(m.Layers[0], err)
	}
	key, err := readPublic(public)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(payload)
	if !ecdsa.VerifyASN1(key, sum[:], sig) || !strings.Contains(string(payload), `"docker-manifest-digest":"`+digest+`"`) || !strings.Contains(string(payload), `"docker-reference":"`+repo.Name()+`"`) {
		t.Errorf("the signature is not one of %s: %s", digest, payload)
	}
}

func layer(t *testing.T, img v1.Image, n int) []byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil || len(layers) <= n {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	r, err := layers[n].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// attached is the one text of a type that refers to an image.
func attached(t *testing.T, repo name.Repository, digest, kind string) []byte {
	t.Helper()
	index, err := remote.Referrers(repo.Digest(digest), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for _, d := range manifest.Manifests {
		img, err := remote.Image(repo.Digest(d.Digest.String()), remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Config.MediaType) == kind {
			found = append(found, layer(t, img, 0))
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d of type %s refer to %s", len(found), kind, digest)
	}
	return found[0]
}

func provenanceOf(t *testing.T, repo name.Repository, digest string, r record, public string) {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(attached(t, repo, digest, envelopeType), &e); err != nil {
		t.Fatal(err)
	}
	key, err := readPublic(public)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Signatures) != 1 || !verified(key, encoded(e.PayloadType, e.Payload), e.Signatures[0].Sig) {
		t.Error("the provenance is not signed")
	}
	var s statement
	if err := json.Unmarshal(e.Payload, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Subject) != 3 || "sha256:"+s.Subject[0].Digest["sha256"] != digest || s.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"] != r.Revision {
		t.Errorf("the provenance is of %+v", s)
	}
	byproducts := s.Predicate.RunDetails.Byproducts
	if last := byproducts[len(byproducts)-1]; last.Annotations["status"] != r.Scan.Status {
		t.Errorf("the scan was %s, and the provenance says %+v", r.Scan.Status, last)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func step(t *testing.T, want int, dir string, args ...string) {
	t.Helper()
	if code, out, stderr := call(append(args, "--dir="+dir)...); code != want {
		t.Fatalf("%s: exit %d, want %d: %s%s", args[0], code, want, out, stderr)
	}
}

func clean(t *testing.T, dir string) {
	t.Helper()
	step(t, exitOK, dir, "scan", "--scanner="+scanner(t, "clean.json"), noExceptions())
}
