package status

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// attach puts something with these annotations under a tag.
func attach(t *testing.T, repository, tag string, annotations map[string]string) {
	t.Helper()
	img, ok := mutate.Annotations(empty.Image, annotations).(v1.Image)
	if !ok {
		t.Fatal("it is no image any more")
	}
	ref, err := name.NewTag(repository + ":" + tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func TestVerdictsAreThoseThatAreAttachedToTheImage(t *testing.T) {
	inner := registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0)))
	lists := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			lists++
		}
		if strings.HasPrefix(r.URL.Path, "/v2/ballast/broken/") {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	place := strings.TrimPrefix(server.URL, "http://")
	monitor := place + "/ballast/monitor"
	tag := strings.Replace(digest, ":", "-", 1) + ".verdict-"
	other := "sha256-" + strings.Repeat("f", 64) + ".verdict-1"
	says := func(verdict, ended string) map[string]string {
		return map[string]string{ofVerdict: verdict, ofEnvironment: "staging", ofRevision: "abc", ofEnd: ended}
	}
	attach(t, monitor, tag+"1", says("pass", "2026-11-29T07:00:00Z"))
	attach(t, monitor, tag+"2", says("fail", "2026-11-29T09:00:00Z"))
	attach(t, monitor, tag+"3", says("inconclusive", "yesterday"))
	attach(t, monitor, other, says("pass", "2026-11-29T07:00:00Z"))
	attach(t, monitor, "v1", nil)

	all := []Application{
		{Name: "monitor", Images: []Image{{monitor + "@" + digest, digest}}},
		{Name: "again", Images: []Image{{monitor + "@" + digest, digest}}},
		{Name: "unknown to the registry", Images: []Image{{place + "/ballast/nothing@" + digest, digest}}},
		{Name: "broken", Images: []Image{{place + "/ballast/broken@" + digest, digest}}},
		{Name: "no digest", Images: []Image{{place + "/ballast/x@sha256:1", "sha256:1"}}},
		{Name: "without"},
	}
	problems := Registry{}.Attached(t.Context(), all)
	v := func(verdict, environment, revision, ended, n string) Verdict {
		out := Verdict{Image: digest, Verdict: verdict, Environment: environment, Revision: revision, Artifact: tag + n}
		if ended != "" {
			out.Ended = pointer(at(ended))
		}
		return out
	}
	want := []Verdict{
		v("fail", "staging", "abc", "2026-11-29T09:00:00Z", "2"),
		v("pass", "staging", "abc", "2026-11-29T07:00:00Z", "1"),
		v("inconclusive", "staging", "abc", "", "3"),
	}
	for i, a := range all {
		expected := want
		if i > 1 {
			expected = nil
		}
		if d := cmp.Diff(expected, a.Verdicts); d != "" {
			t.Errorf("%s (-want +got):\n%s", a.Name, d)
		}
	}
	if len(problems) != 2 || !strings.Contains(problems[0], "x@sha256:1") || !strings.Contains(problems[1], "/ballast/broken: ") {
		t.Errorf("problems: %q", problems)
	}
	if lists > 3 {
		t.Errorf("the tags of three repositories were listed %d times", lists)
	}
}

// The applications are shown also where a registry is out of reach.
func TestARegistryThatDoesNotAnswerIsAProblemAndNoError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	place := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	all := []Application{{Name: "monitor", Images: []Image{{place + "/ballast/monitor@" + digest, digest}}}, {Name: "probe", Images: []Image{{place + "/ballast/monitor@" + digest, digest}}}}
	if problems := (Registry{}).Attached(t.Context(), all); len(problems) != 1 || !strings.Contains(problems[0], "verdicts of "+place+"/ballast/monitor: ") {
		t.Errorf("problems: %q", problems)
	}
}
