package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// ended is when the run of the tests' reports ended.
const ended = "2026-11-29T06:03:42Z"

const revision = "0123456789abcdef0123456789abcdef01234567"

// served is a registry with one image.
type served struct {
	*httptest.Server
	repo  Repository
	image string // its digest
}

// serve starts a registry. between may look at each request, and answer it.
func serve(t *testing.T, referrers bool, between func(http.ResponseWriter, *http.Request) bool) served {
	t.Helper()
	inner := registry.New(registry.WithReferrersSupport(referrers), registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if between == nil || !between(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	place := strings.TrimPrefix(s.URL, "http://") + "/ballast/monitor"
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(place + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	// The image itself is pushed past whoever is between.
	direct := httptest.NewServer(inner)
	defer direct.Close()
	pushed, err := name.NewTag(strings.TrimPrefix(direct.URL, "http://") + "/ballast/monitor:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(pushed, img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	repo, err := Open(tag.Context().Name(), Access{})
	if err != nil {
		t.Fatal(err)
	}
	return served{s, repo, digest.String()}
}

// reportOf is a report of one run that was not done, and its bytes.
func reportOf(t *testing.T, name string) (result.Report, []byte) {
	t.Helper()
	r := result.Report{
		Version: result.Version, Verdict: result.Inconclusive, Ended: time.Date(2026, 11, 29, 7, 3, 42, 0, time.FixedZone("east", 3600)), Target: result.TargetInfo{Kind: result.TargetCluster},
		Tool:        result.Tool{Version: "v1", Digest: Digest([]byte("program"))},
		Experiments: []result.Run{{Name: name, YAML: "kind: Experiment\n", Judgment: result.Judgment{Verdict: result.Inconclusive}}},
	}
	var b bytes.Buffer
	if err := result.Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	return r, b.Bytes()
}

func (s served) attach(ctx context.Context, t *testing.T, name string) (string, error) {
	r, data := reportOf(t, name)
	statement, err := NewStatement(Claim{s.image, revision, "staging"}, r, data)
	if err != nil {
		return "", err
	}
	return s.repo.Attach(ctx, statement, r.Verdict, r.Ended, data)
}

// referrers are the digests that any OCI tool finds.
func (s served) referrers(t *testing.T) map[string]v1.Descriptor {
	t.Helper()
	index, err := remote.Referrers(s.repo.name.Digest(s.image), remote.WithContext(t.Context()), remote.WithFilter("artifactType", ArtifactType))
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]v1.Descriptor{}
	for _, d := range m.Manifests {
		found[d.Digest.String()] = d
	}
	return found
}

func TestTenThatAttachAtOnceAreAllListed(t *testing.T) {
	for name, native := range map[string]bool{"by a registry with the referrers API": true, "by one without": false} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, native, nil)
			const attachers = 10
			digests := make([]string, attachers)
			g, ctx := errgroup.WithContext(t.Context())
			for i := range attachers {
				g.Go(func() (err error) {
					digests[i], err = s.attach(ctx, t, fmt.Sprintf("experiment-%d", i))
					return err
				})
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			listed := s.referrers(t)
			for _, d := range digests {
				if e, ok := listed[d]; !ok || e.Annotations["dev.ballast.environment"] != "staging" || e.Annotations["org.opencontainers.image.created"] != ended {
					t.Errorf("%s is not listed with its annotations: %+v", d, e)
				}
			}
			if len(listed) != attachers {
				t.Errorf("%d are listed, want %d", len(listed), attachers)
			}
			all, unreadable, err := s.repo.List(t.Context(), s.image)
			if err != nil || len(unreadable) > 0 || len(all) != attachers {
				t.Fatalf("%d are read, want %d: %v %v", len(all), attachers, unreadable, err)
			}
			for _, a := range all {
				if r, err := a.Decode(); err != nil || a.Statement.Documents[0].Name != r.Experiments[0].Name {
					t.Errorf("%+v: %v", a.Statement, err)
				}
			}
		})
	}
}

// What an attacher that is slow, or another tool, does to the list of a registry without
// the API.
func TestWhatAnotherHasWrittenOverIsListedAgain(t *testing.T) {
	s := serve(t, false, nil)
	first, err := s.attach(t.Context(), t, "first")
	if err != nil {
		t.Fatal(err)
	}
	subject, err := v1.NewHash(s.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Put(s.repo.name.Tag(fallbackTag(subject)), indexManifest{v1.IndexManifest{
		SchemaVersion: 2, MediaType: "application/vnd.oci.image.index.v1+json", Manifests: []v1.Descriptor{},
	}}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.referrers(t)); n != 0 {
		t.Fatalf("%d are listed after the list was emptied", n)
	}
	// Readers of ours find it by its tag, and whoever attaches next mends the list.
	if all, _, err := s.repo.List(t.Context(), s.image); err != nil || len(all) != 1 || all[0].Digest != first {
		t.Errorf("%+v %v", all, err)
	}
	if _, err := s.attach(t.Context(), t, "second"); err != nil {
		t.Fatal(err)
	}
	if listed := s.referrers(t); len(listed) != 2 || listed[first].Digest.String() != first {
		t.Errorf("listed: %+v", listed)
	}
}

func TestAttachingTwiceIsAttachingOnce(t *testing.T) {
	s := serve(t, false, nil)
	one, err := s.attach(t.Context(), t, "x")
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.attach(t.Context(), t, "x")
	if err != nil || one != two || len(s.referrers(t)) != 1 {
		t.Errorf("%s and %s, %d are listed: %v", one, two, len(s.referrers(t)), err)
	}
}

func TestWhatARegistrySaysIsToldApart(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(code); return true }
	}
	writes := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	for name, tc := range map[string]struct {
		between func(http.ResponseWriter, *http.Request) bool
		spoil   func(*served)
		want    error
	}{
		"an image that is not there":        {nil, func(s *served) { s.image = Digest(nil) }, ErrNoImage},
		"a registry that is down":           {nil, func(s *served) { s.Close() }, ErrUnreachable},
		"a registry that is ill":            {status(http.StatusInsufficientStorage), nil, ErrUnreachable},
		"one that lets nobody in":           {status(http.StatusForbidden), nil, ErrRefused},
		"one that lets us read and no more": {writes, nil, ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, false, tc.between)
			if tc.spoil != nil {
				tc.spoil(&s)
			}
			if _, err := s.attach(t.Context(), t, "x"); !errors.Is(err, tc.want) {
				t.Errorf("attach: %v, want %v", err, tc.want)
			}
			if name == "one that lets us read and no more" {
				return
			}
			if _, _, err := s.repo.List(t.Context(), s.image); !errors.Is(err, tc.want) {
				t.Errorf("list: %v, want %v", err, tc.want)
			}
		})
	}
}

func TestThePusherIsWhoTheFileNames(t *testing.T) {
	seen := make(chan string, 100)
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) bool {
		user, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		select {
		case seen <- user + " " + password:
		default:
		}
		return false
	})
	host := strings.TrimPrefix(s.URL, "http://")
	file := filepath.Join(t.TempDir(), "auth.json")
	config, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"username": "verdicts", "password": "of its own"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.attach(t.Context(), t, "x"); !errors.Is(err, ErrRefused) {
		t.Errorf("without a credential: %v", err)
	}
	if s.repo, err = Open(host+"/ballast/monitor", Access{Auth: file}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.attach(t.Context(), t, "x"); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != "verdicts of its own" {
		t.Errorf("the registry saw %q", got)
	}
	for what, access := range map[string]Access{
		"no such file":        {Auth: file + "x"},
		"of another registry": {Auth: writeFile(t, `{"auths": {"elsewhere.example": {"auth": "YTpi"}}}`)},
		"not Docker's config": {Auth: writeFile(t, `[]`)},
	} {
		if _, err := Open(host+"/ballast/monitor", access); err == nil {
			t.Errorf("a credential that is %s is taken", what)
		}
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
