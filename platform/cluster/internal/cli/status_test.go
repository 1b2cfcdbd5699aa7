package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/ballast-sre/ballast/platform/cluster/internal/status"
)

func TestWhatTheAPIServerAnswers(t *testing.T) {
	const path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
	for name, tt := range map[string]struct {
		code       int
		text, says string // says is empty where there is no error
	}{
		"applications":        {http.StatusOK, `{"kind": "ApplicationList", "items": [{"metadata": {"name": "monitor"}}]}`, ""},
		"without Argo CD":     {http.StatusNotFound, "404 page not found", "cluster x: Argo CD is not installed; `make up` installs it"},
		"a refusal":           {http.StatusForbidden, "not\nyou", "cluster x: the API server does not list the applications: 403 Forbidden: not you"},
		"something of others": {http.StatusOK, "hello", "cluster x: not a list of applications"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != path {
					t.Errorf("%s %s is asked", r.Method, r.URL.Path)
				}
				w.WriteHeader(tt.code)
				_, _ = w.Write([]byte(tt.text))
			}))
			defer server.Close()
			o, err := overviewOf(t.Context(), "x", &rest.Config{Host: server.URL}, status.Registry{})
			if tt.says != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.says) {
					t.Errorf("%v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || len(o.Applications) != 1 || o.Applications[0].Name != "monitor" || !o.Running {
				t.Errorf("%+v: %v", o, err)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		_, err := overviewOf(t.Context(), "x", &rest.Config{Host: server.URL}, status.Registry{})
		if err == nil || !strings.Contains(err.Error(), "cluster x: the API server does not answer: ") {
			t.Errorf("%v", err)
		}
	})
}

// What git says of an object is asked only where something differs, and only of Argo CD.
func TestDifferencesAreExplainedByArgoCD(t *testing.T) {
	const (
		applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
		secret       = "/api/v1/namespaces/argocd/secrets/argocd-initial-admin-secret"
		through      = "/api/v1/namespaces/argocd/services/argocd-webhook:http/proxy/api/v1/"
		differs      = `{"kind": "ApplicationList", "items": [{"metadata": {"name": "fine"}, "status": {"sync": {"status": "Synced"}}},
			{"metadata": {"name": "monitor"}, "status": {"sync": {"status": "OutOfSync"}, "resources": [{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "monitor", "status": "OutOfSync"}]}}]}`
		fine    = `{"kind": "ApplicationList", "items": [{"metadata": {"name": "fine"}, "status": {"sync": {"status": "Synced"}}}]}`
		managed = `{"items": [{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "monitor", "normalizedLiveState": "{\"spec\": {\"replicas\": 5}}", "predictedLiveState": "{\"spec\": {\"replicas\": 3}}"}]}`
	)
	for name, tt := range map[string]struct {
		list, session string
		asked         int // requests after the list
		fields        int
		problem       string
	}{
		"nobody is asked where all is well":          {fine, "", 0, 0, ""},
		"it is asked once, with the password":        {differs, `{"token": "t0ken"}`, 3, 1, ""},
		"an account that is switched off is said":    {differs, "", 2, 0, "log in to Argo CD: 401 Unauthorized: no"},
		"an answer without a token is said":          {differs, "{}", 2, 0, "log in to Argo CD: Argo CD answered without a token"},
		"an answer that is something else, likewise": {differs, "hello", 2, 0, "log in to Argo CD: Argo CD answered without a token"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := -1
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				body, _ := io.ReadAll(r.Body)
				cookie, _ := r.Cookie("argocd.token")
				switch path := r.Method + " " + r.URL.Path; {
				case path == "GET "+applications:
					_, _ = io.WriteString(w, tt.list)
				case path == "GET "+secret:
					_, _ = io.WriteString(w, `{"data": {"password": "cDRzcw=="}}`)
				case path == "POST "+through+"session" && string(body) == `{"password":"p4ss","username":"admin"}` && tt.session != "":
					_, _ = io.WriteString(w, tt.session)
				case path == "GET "+through+"applications/monitor/managed-resources" && cookie != nil && cookie.Value == "t0ken":
					_, _ = io.WriteString(w, managed)
				default:
					http.Error(w, "no", http.StatusUnauthorized)
				}
			}))
			defer server.Close()
			o, err := overviewOf(t.Context(), "x", &rest.Config{Host: server.URL}, status.Registry{})
			if err != nil {
				t.Fatal(err)
			}
			if problems := strings.Join(o.Problems, "; "); asked != tt.asked || (tt.problem == "") != (problems == "") || !strings.HasPrefix(problems, tt.problem) {
				t.Errorf("%d requests, problems %q", asked, problems)
			}
			found := 0
			for _, a := range o.Applications {
				for _, d := range a.Differences {
					found += len(d.Fields)
				}
			}
			if found != tt.fields {
				t.Errorf("%d fields are said to differ, want %d: %+v", found, tt.fields, o.Applications)
			}
		})
	}
}
