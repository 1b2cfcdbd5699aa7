package git

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

// app is an application as the API server shows it.
func app(t *testing.T, text string) application {
	t.Helper()
	var a application
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

const monitorApp = `{
  "metadata": {"name": "monitor", "annotations": {"argocd.argoproj.io/manifest-generate-paths": "/platform/helm/monitor;/monitor;extra/*.yaml"}},
  "spec": {"sources": [
    {"repoURL": "http://git.test/ballast.git", "targetRevision": "main", "path": "platform/helm/monitor"},
    {"repoURL": "http://git.test/deploy.git", "targetRevision": "main"}]},
  "status": {"sync": {"status": "Synced", "revisions": ["b2", "d2"]}, "health": {"status": "Healthy"}, "operationState": {"phase": "Succeeded"}}}`

const environmentApp = `{
  "metadata": {"name": "environment-sandbox"},
  "spec": {"source": {"repoURL": "http://git.test/ballast", "path": "platform/argocd/environments/sandbox"}},
  "status": {"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Healthy"}}}`

func TestAPushChangesTheApplicationsThatAreMadeOfItsFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		app        string
		repository string
		ref        string
		files      []string
		want       []int
	}{
		"its chart":                             {monitorApp, "ballast", "main", []string{"README.md", "platform/helm/monitor/values.yaml"}, []int{0}},
		"its digest in the other repository":    {monitorApp, "deploy", "main", []string{"monitor/values.yaml"}, []int{1}},
		"the digest of another":                 {monitorApp, "deploy", "main", []string{"ballast/values.yaml"}, nil},
		"a pattern relative to its source":      {monitorApp, "ballast", "main", []string{"platform/helm/monitor/extra/a.yaml"}, []int{0}},
		"a file whose path only begins so":      {monitorApp, "ballast", "main", []string{"platform/helm/monitoring/values.yaml"}, nil},
		"nothing of it":                         {monitorApp, "ballast", "main", []string{"README.md"}, nil},
		"no file at all":                        {monitorApp, "ballast", "main", nil, nil},
		"another repository":                    {monitorApp, "shop", "main", []string{"platform/helm/monitor/values.yaml"}, nil},
		"another branch":                        {monitorApp, "ballast", "aside", []string{"platform/helm/monitor/values.yaml"}, nil},
		"without an annotation, its directory":  {environmentApp, "ballast", "main", []string{"platform/argocd/environments/sandbox/monitor.yaml"}, []int{0}},
		"without an annotation, what is beside": {environmentApp, "ballast", "main", []string{"platform/argocd/environments/prod/monitor.yaml"}, nil},
		"the whole repository": {
			`{"spec": {"source": {"repoURL": "http://git.test/shop.git", "path": ".", "targetRevision": "HEAD"}}}`, "shop", "main", []string{"README.md"}, []int{0},
		},
		"an application without a source": {`{"metadata": {"name": "x"}}`, "ballast", "main", []string{"README.md"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := Push{Repository: tt.repository, Ref: "refs/heads/" + tt.ref, Files: tt.files}
			if got := app(t, tt.app).changedBy(p, "http://git.test/"); !slices.Equal(got, tt.want) {
				t.Errorf("sources %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAPushServesWhenItIsWhatRunsAndHealthy(t *testing.T) {
	later := func(_ context.Context, repository, commit, revision string) bool {
		return repository == "ballast" && commit == "b1" && revision == "b2"
	}
	for name, tt := range map[string]struct {
		status string
		commit string
		want   bool
	}{
		"it runs":                             {`{"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Healthy"}}`, "b2", true},
		"a later push runs":                   {`{"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Healthy"}}`, "b1", true},
		"an earlier push runs":                {`{"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Healthy"}}`, "b3", false},
		"it is not applied yet":               {`{"sync": {"status": "OutOfSync", "revision": "b2"}, "health": {"status": "Healthy"}}`, "b2", false},
		"its pods are being replaced":         {`{"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Progressing"}}`, "b2", false},
		"its pods do not start":               {`{"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Degraded"}}`, "b2", false},
		"its sync is not over":                {`{"sync": {"status": "Synced", "revision": "b2"}, "health": {"status": "Healthy"}, "operationState": {"phase": "Running"}}`, "b2", false},
		"nothing was compared yet":            {`{"health": {"status": "Healthy"}}`, "b2", false},
		"it was compared without a revision":  {`{"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}`, "b2", false},
		"Argo CD has not looked at it at all": {`{}`, "b2", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := app(t, `{"spec": {"source": {"repoURL": "http://git.test/ballast.git"}}, "status": `+tt.status+`}`)
			if got := a.serves(t.Context(), Push{Repository: "ballast", New: tt.commit}, 0, later); got != tt.want {
				t.Errorf("it serves: %v, want %v", got, tt.want)
			}
		})
	}
	if app(t, monitorApp).serves(t.Context(), Push{Repository: "deploy", New: "d2"}, 2, later) {
		t.Error("a source that has no revision serves")
	}
}

func TestWhatIsNoListOfApplicationsIsSaid(t *testing.T) {
	for name, text := range map[string]string{"no JSON": "<html>", "a status": `{"kind": "Status", "code": 403}`, "nothing": ""} {
		if _, err := readApplications([]byte(text)); !errors.Is(err, ErrApplications) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadApplications(f *testing.F) {
	f.Add([]byte(`{"kind": "ApplicationList", "items": [` + monitorApp + `,` + environmentApp + `]}`))
	f.Add([]byte(`{"kind": "ApplicationList", "items": [{"spec": {"sources": [{}]}, "status": {"sync": {"revisions": []}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		apps, err := readApplications(text)
		if err != nil {
			return
		}
		p := Push{Repository: "ballast", Ref: "refs/heads/main", New: "b2", Files: []string{"platform/helm/monitor/values.yaml"}}
		for _, a := range apps {
			for _, source := range a.changedBy(p, "http://git.test") {
				a.serves(t.Context(), p, source, func(context.Context, string, string, string) bool { return false })
			}
		}
	})
}
