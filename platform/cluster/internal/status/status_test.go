package status

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func pointer(t time.Time) *time.Time { return &t }

// list is an answer of the API server with these applications.
func list(items string) []byte {
	return []byte(`{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationList", "items": [` + items + `]}`)
}

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestWhatArgoCDSaysOfApplications(t *testing.T) {
	empty := func(name, environment string) Application {
		return Application{
			Environment: environment, Name: name, Sources: []Source{}, Images: []Image{}, Sync: "Unknown", Health: "Unknown",
			Differences: []Difference{}, Conditions: []string{}, Verdicts: []Verdict{},
		}
	}
	tests := map[string]struct {
		items string
		want  []Application
	}{
		"of none":                              {"", []Application{}},
		"of one that nobody has looked at yet": {`{"metadata": {"name": "new"}}`, []Application{empty("new", "")}},
		"of one source": {`{
			"metadata": {"name": "monitor", "annotations": {"argocd.argoproj.io/tracking-id": "environment-prod:argoproj.io/Application:argocd/monitor"}},
			"spec": {"project": "monitor", "source": {"repoURL": "https://example.org/a.git"}},
			"status": {
				"sync": {"status": "OutOfSync", "revision": "abc"}, "health": {"status": "Degraded"},
				"summary": {"images": ["example.org/ballast/monitor@` + digest + `", "example.org/other:v1"]},
				"conditions": [{"type": "SyncError", "message": "no"}],
				"operationState": {"phase": "Failed", "message": "refused", "startedAt": "2026-11-29T07:00:00Z", "finishedAt": "2026-11-29T07:00:05Z", "retryCount": 3},
				"resources": [
					{"kind": "Service", "namespace": "monitor", "name": "fine", "status": "Synced"},
					{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "drifted", "status": "OutOfSync"},
					{"kind": "ConfigMap", "namespace": "monitor", "name": "left", "status": "OutOfSync", "requiresPruning": true},
					{"kind": "Secret", "namespace": "monitor", "name": "gone", "status": "OutOfSync", "health": {"status": "Missing"}},
					{"kind": "Pod", "namespace": "monitor", "name": "sick", "status": "Synced", "health": {"status": "Degraded", "message": "it crashes"}},
					{"kind": "Namespace", "name": "well", "status": "Synced", "health": {"status": "Healthy"}}
				]
			}}`, []Application{{
			Environment: "prod", Name: "monitor", Project: "monitor", Sources: []Source{{"https://example.org/a.git", "abc"}},
			Images: []Image{{"example.org/ballast/monitor@" + digest, digest}}, Sync: "OutOfSync", Health: "Degraded",
			Operation:  &Operation{"Failed", "refused", at("2026-11-29T07:00:00Z"), pointer(at("2026-11-29T07:00:05Z")), 3},
			Conditions: []string{"SyncError: no"}, Verdicts: []Verdict{},
			Differences: []Difference{
				{"Deployment.apps", "monitor", "drifted", "out of sync", "", nil},
				{"ConfigMap", "monitor", "left", "not in git", "", nil},
				{"Secret", "monitor", "gone", "missing", "", nil},
				{"Pod", "monitor", "sick", "unhealthy", "it crashes", nil},
			},
		}}},
		"of several sources, of which one was not read yet": {
			`{
			"metadata": {"name": "x"}, "spec": {"sources": [{"repoURL": "a"}, {"repoURL": "b"}]}, "status": {"sync": {"revisions": ["1"]}}}`,
			[]Application{func() Application {
				a := empty("x", "")
				a.Sources = []Source{{"a", "1"}, {"b", ""}}
				return a
			}()},
		},
		"in the order of environments and names": {
			`{"metadata": {"name": "b", "annotations": {"argocd.argoproj.io/tracking-id": "environment-dev:x"}}},
			 {"metadata": {"name": "environment-dev"}}, {"metadata": {"name": "bootstrap"}},
			 {"metadata": {"name": "a", "annotations": {"argocd.argoproj.io/tracking-id": "environment-dev:x"}}}`,
			[]Application{empty("bootstrap", ""), empty("a", "dev"), empty("b", "dev"), empty("environment-dev", "dev")},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Read(list(tt.items))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestAnswersThatAreNoListOfApplications(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                "",
		"half of one":            `{"kind": "ApplicationList", "items": [{"metadata"`,
		"a refusal":              `{"kind": "Status", "status": "Failure"}`,
		"a list of another kind": `{"kind": "PodList", "items": []}`,
		"a page for people":      "<html>",
		"a number for a name":    `{"kind": "ApplicationList", "items": [{"metadata": {"name": 7}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if all, err := Read([]byte(text)); !errors.Is(err, ErrAnswer) || all != nil {
				t.Errorf("%v: %v", all, err)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(list(""))
	f.Add(list(`{"metadata": {"name": "x"}, "status": {"summary": {"images": ["a@b"]}, "resources": [{"kind": "Pod"}]}}`))
	f.Add([]byte(`{"kind": "Status"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := Read(text)
		if err != nil {
			if !errors.Is(err, ErrAnswer) {
				t.Errorf("another error: %v", err)
			}
			return
		}
		// Whatever was read can be shown.
		if err := (Overview{Running: true, Applications: all}).Text(t.Output(), at("2026-11-29T07:00:00Z")); err != nil {
			t.Error(err)
		}
	})
}
