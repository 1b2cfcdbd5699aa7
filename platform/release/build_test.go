package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/tests/gitrepo"
)

func TestAnIndexDependsOnItsImagesAlone(t *testing.T) {
	amd, arm := anImage(t, "amd64"), anImage(t, "arm64")
	digest := func(images map[string]v1.Image) string {
		index, err := join(images)
		if err != nil {
			t.Fatal(err)
		}
		d, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	both := digest(map[string]v1.Image{"arm64": arm, "amd64": amd})
	for range 5 { // Go walks maps in another order each time.
		if again := digest(map[string]v1.Image{"amd64": amd, "arm64": arm}); again != both {
			t.Fatalf("%s became %s", both, again)
		}
	}
	if one := digest(map[string]v1.Image{"amd64": amd}); one == both {
		t.Error("one architecture has the digest of two")
	}
	if _, err := join(map[string]v1.Image{"arm64": amd}); !errors.Is(err, errInvalid) {
		t.Errorf("an image of another architecture: %v", err)
	}
}

func TestABillOfMaterialsDependsOnItsImageAlone(t *testing.T) {
	c, err := look(anImage(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := bill("monitor", "amd64", aRevision, digestOf(nil), c)
	if err != nil {
		t.Fatal(err)
	}
	two, err := bill("monitor", "amd64", aRevision, digestOf(nil), c)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("it differs: %v", err)
	}
	for _, want := range []string{`"bomFormat": "CycloneDX"`, `"specVersion": "1.6"`, "pkg:golang/github.com/spf13/pflag@v", "pkg:golang/stdlib@1.", aRevision} {
		if !strings.Contains(string(one), want) {
			t.Errorf("it lacks %s", want)
		}
	}
	c.program = []byte("#!/bin/sh\n")
	if _, err := bill("monitor", "amd64", aRevision, digestOf(nil), c); !errors.Is(err, errInvalid) || !strings.Contains(err.Error(), "is not a Go program") {
		t.Errorf("a script: %v", err)
	}
}

func TestOnlyWhatIsCommittedIsReleased(t *testing.T) {
	gitrepo.Isolate(t)
	dir := t.TempDir()
	if _, err := cleanRevision(t.Context(), dir); !errors.Is(err, errInvalid) || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("no repository: %v", err)
	}
	gitrepo.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	gitrepo.Git(t, dir, "commit", "--quiet", "--allow-empty", "--message=x")
	if got, err := cleanRevision(t.Context(), dir); err != nil || got != gitrepo.Git(t, dir, "rev-parse", "HEAD") {
		t.Errorf("%q, %v", got, err)
	}
	if err := writeJSON(filepath.Join(dir, "new"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := cleanRevision(t.Context(), dir); !errors.Is(err, errInvalid) || !strings.Contains(err.Error(), "?? new") {
		t.Errorf("a file that is not committed: %v", err)
	}
}
