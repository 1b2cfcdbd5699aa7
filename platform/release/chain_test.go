package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ballast-sre/ballast/internal/image"
)

func TestAReleaseIsPublishedByDigestWithAllThatBelongsToIt(t *testing.T) {
	for title, referrers := range map[string]bool{"to a registry that lists what refers to an image": true, "to an older one": false} {
		t.Run(title, func(t *testing.T) {
			dir, key, at := stored(t), newKeyFile(t), newServer(t, referrers)
			line := released(t, dir, key, at)
			r, _, err := load(dir)
			if err != nil {
				t.Fatal(err)
			}
			digest := r.Images["monitor"].Digest
			if want := "--registry=" + at + " --revision=" + aRevision + " --image=monitor=" + digest + "\n"; line != want {
				t.Errorf("it prints %q, want %q", line, want)
			}
			if args, err := os.ReadFile(filepath.Join(dir, "promote.args")); err != nil || string(args) != line {
				t.Errorf("promote.args has %q, %v", args, err)
			}
			repo, err := name.NewRepository(at + "/ballast/monitor")
			if err != nil {
				t.Fatal(err)
			}
			index, err := remote.Index(repo.Digest(digest), remote.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := index.IndexManifest()
			if err != nil || len(manifest.Manifests) != 2 || manifest.Manifests[0].Platform.Architecture != "amd64" || manifest.Manifests[1].Platform.Architecture != "arm64" {
				t.Errorf("it is for %+v, %v", manifest, err)
			}
			if tagged, err := remote.Head(repo.Tag("git-"+aRevision), remote.WithContext(t.Context())); err != nil || tagged.Digest.String() != digest {
				t.Errorf("the revision names %v, %v", tagged, err)
			}
			signed(t, repo, digest, key+".pub")
			provenanceOf(t, repo, digest, r, key+".pub")
			for _, p := range r.Images["monitor"].Platforms {
				text := attached(t, repo, p.Digest, billType)
				if digestOf(text) != p.Bill {
					t.Errorf("the bill of %s is another", p.Digest)
				}
			}
		})
	}
}

func TestPublishingAgainChangesNothing(t *testing.T) {
	dir, key, at := stored(t), newKeyFile(t), newServer(t, true)
	first := released(t, dir, key, at)
	if second := released(t, dir, key, at); second != first {
		t.Errorf("%q became %q", first, second)
	}
	r, _, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := name.NewRepository(at + "/ballast/monitor")
	if err != nil {
		t.Fatal(err)
	}
	signed(t, repo, r.Images["monitor"].Digest, key+".pub")
}

func TestWhatIsNotPublished(t *testing.T) {
	for title, tt := range map[string]struct {
		prepare func(t *testing.T, dir, key, at string)
		code    int
		says    string
	}{
		"nothing that was built":  {func(t *testing.T, dir, _, _ string) { remove(t, recordFile(dir)) }, exitInvalid, "build first"},
		"what nobody has scanned": {func(*testing.T, string, string, string) {}, exitInvalid, "scan first"},
		"what could not be scanned": {func(t *testing.T, dir, _, _ string) {
			step(t, exitNotJudged, dir, "scan", "--scanner=nowhere", noExceptions())
		}, exitNotJudged, "not scanned"},
		"what was found to be vulnerable": {func(t *testing.T, dir, _, _ string) {
			step(t, exitFound, dir, "scan", "--scanner="+scanner(t, "vulnerable.json"), noExceptions())
		}, exitFound, "vulnerabilities were found"},
		"what nobody has signed": {func(t *testing.T, dir, _, _ string) { clean(t, dir) }, exitInvalid, "sign first"},
		"what was signed for another registry": {func(t *testing.T, dir, key, _ string) {
			clean(t, dir)
			step(t, exitOK, dir, "sign", "--key="+key, "--registry=other.example")
		}, exitInvalid, "for another registry; sign again"},
		"what was signed by another key": {func(t *testing.T, dir, key, at string) {
			clean(t, dir)
			step(t, exitOK, dir, "sign", "--key="+key, "--registry="+at)
			public, err := os.ReadFile(newKeyFile(t) + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(publicFile(dir), public, 0o600); err != nil {
				t.Fatal(err)
			}
		}, exitInvalid, "was not made with the key"},
		"a bill that somebody changed": {func(t *testing.T, dir, key, at string) {
			clean(t, dir)
			step(t, exitOK, dir, "sign", "--key="+key, "--registry="+at)
			if err := os.WriteFile(billFile(dir, "monitor", "amd64"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, exitInvalid, "bill-amd64.cdx.json changed after the build: its digest is sha256:"},
		"a bill that is gone": {func(t *testing.T, dir, key, at string) {
			clean(t, dir)
			step(t, exitOK, dir, "sign", "--key="+key, "--registry="+at)
			remove(t, billFile(dir, "monitor", "arm64"))
		}, exitInvalid, "bill-arm64.cdx.json: no such file or directory; build again"},
	} {
		t.Run(title, func(t *testing.T) {
			dir, key, at := stored(t), newKeyFile(t), newServer(t, true)
			tt.prepare(t, dir, key, at)
			code, out, stderr := call("publish", "--dir="+dir, "--registry="+at)
			if code != tt.code || !strings.Contains(stderr, tt.says) || strings.Contains(stderr, "%!") || out != "" {
				t.Errorf("exit %d, want %d and %q: %s%s", code, tt.code, tt.says, out, stderr)
			}
			// Nothing that could be promoted is there: no signature, no tag.
			repo, err := name.NewRepository(at + "/ballast/monitor")
			if err != nil {
				t.Fatal(err)
			}
			if tags, err := remote.List(repo, remote.WithContext(t.Context())); err == nil && slices.ContainsFunc(tags, func(tag string) bool {
				return strings.HasSuffix(tag, ".sig") || strings.HasPrefix(tag, "git-")
			}) {
				t.Errorf("half of it is there: %v", tags)
			}
		})
	}
}

func TestWhatIsNotScannedIsNeverClean(t *testing.T) {
	for title, tt := range map[string]struct {
		more []image.File
		args []string
		says string
	}{
		"without a scanner":             {nil, []string{"--scanner=" + filepath.Join(t.TempDir(), "none")}, "make bin/tools/govulncheck"},
		"with a scanner that fails":     {nil, []string{"--scanner=false"}, "exit status 1"},
		"with a database that is old":   {nil, []string{"--scanner=" + scanner(t, "clean.json"), "--max-age=1ns"}, "fetch the database again"},
		"without a date":                {nil, []string{"--scanner=" + scanner(t, "undated.json")}, "has no date (db_last_modified)"},
		"with files of somebody else's": {[]image.File{{Path: "/lib/libc.so", Content: []byte("x")}}, []string{"--scanner=" + scanner(t, "clean.json")}, "the image also holds /lib/libc.so"},
	} {
		t.Run(title, func(t *testing.T) {
			dir := stored(t, tt.more...)
			code, out, _ := call(append([]string{"scan", noExceptions(), "--dir=" + dir}, tt.args...)...)
			if code != exitNotJudged || !strings.HasPrefix(out, "not scanned") || !strings.Contains(out, tt.says) || strings.Contains(out, "clean") {
				t.Errorf("exit %d, want %q: %s", code, tt.says, out)
			}
			key, at := newKeyFile(t), newServer(t, true)
			step(t, exitNotJudged, dir, "sign", "--key="+key, "--registry="+at)
			// Who asks for it gets it, and the provenance says so.
			step(t, exitOK, dir, "sign", "--key="+key, "--registry="+at, "--unscanned")
			step(t, exitOK, dir, "publish", "--registry="+at, "--unscanned")
		})
	}
}

func TestARegistryThatIsNotThere(t *testing.T) {
	dir, key := stored(t), newKeyFile(t)
	// An address that nobody listens at any more.
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	clean(t, dir)
	step(t, exitOK, dir, "sign", "--key="+key, "--registry="+at)
	if code, _, stderr := call("publish", "--dir="+dir, "--registry="+at); code != exitUnavailable || !strings.Contains(stderr, "unavailable: ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestATokenThatIsExpired(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://")
	dir, key := stored(t), newKeyFile(t)
	clean(t, dir)
	step(t, exitOK, dir, "sign", "--key="+key, "--registry="+at)
	if code, _, stderr := call("publish", "--dir="+dir, "--registry="+at); code != exitUnavailable || !strings.Contains(stderr, "log in again") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestARevisionHasOneDigest(t *testing.T) {
	key, at := newKeyFile(t), newServer(t, true)
	released(t, stored(t), key, at)
	other := stored(t, image.File{Path: "/etc/extra", Content: []byte("x")})
	step(t, exitNotJudged, other, "scan", "--scanner="+scanner(t, "clean.json"), noExceptions())
	step(t, exitOK, other, "sign", "--key="+key, "--registry="+at, "--unscanned")
	if code, _, stderr := call("publish", "--dir="+other, "--registry="+at, "--unscanned"); code != exitInvalid || !strings.Contains(stderr, "find out what differs") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
