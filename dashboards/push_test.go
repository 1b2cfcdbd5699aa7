package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folderless answers as a Grafana that has nothing yet, and keeps what is saved.
func folderless(t *testing.T, token string, saved map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		var body struct {
			Dashboard struct {
				UID   string `json:"uid"`
				Title string `json:"title"`
			} `json:"dashboard"`
			FolderUID string `json:"folderUid"`
			Message   string `json:"message"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/api/dashboards/db" {
			saved[body.Dashboard.Title] = body.FolderUID + " " + body.Message
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"uid": body.Dashboard.UID, "status": "success", "version": 1, "url": "/d/" + body.Dashboard.UID})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDashboardsArePushedWithATokenOfTheEnvironmentOrAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args    []string
		environ map[string]string
		token   string
	}{
		"the environment":                   {nil, map[string]string{"GRAFANA_TOKEN": "secret"}, "secret"},
		"a file":                            {[]string{"--token-file", file}, map[string]string{"GRAFANA_TOKEN": "secret"}, "from-file"},
		"a file that is in the environment": {nil, map[string]string{"GRAFANA_TOKEN_FILE": file}, "from-file"},
	} {
		t.Run(name, func(t *testing.T) {
			saved := map[string]string{}
			url := folderless(t, tc.token, saved)
			environ := func(name string) string {
				if name == "GRAFANA_URL" {
					return url
				}
				return tc.environ[name]
			}
			var stdout, stderr bytes.Buffer
			if code := command(append([]string{"push", "--message", "v1"}, tc.args...), environ, &stdout, &stderr); code != exitOK {
				t.Fatalf("exit code %d: %s", code, &stderr)
			}
			if len(saved) != len(committed(t)) || saved["SLO overview"] != "ballast v1" {
				t.Errorf("saved %v", saved)
			}
			if !strings.Contains(stdout.String(), "pushed      SLO overview, version 1: "+url+"/d/"+uidOverview) {
				t.Errorf("%s", &stdout)
			}
		})
	}
}

func TestAPushSaysWhatItLacksAndWhatWasNotPushed(t *testing.T) {
	wrong := t.TempDir()
	if err := os.WriteFile(filepath.Join(wrong, "x.json"), []byte(`{"title":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	url := folderless(t, "other", map[string]string{})
	for name, tc := range map[string]struct {
		args         []string
		token        string
		code         int
		says, prints string
	}{
		"no URL":                                 {nil, "secret", exitRefused, "the URL of Grafana is not one", "not pushed  SLO overview"},
		"no token":                               {[]string{"--grafana-url", url}, "", exitRefused, "there is no token", "not pushed  SLO overview"},
		"a token as an argument":                 {[]string{"--grafana-url", url, "secret"}, "", exitUsage, "a token is never one", ""},
		"a token that is wrong":                  {[]string{"--grafana-url", url}, "secret", exitRefused, "401 Unauthorized", "not pushed  SLO overview"},
		"no file of a token":                     {[]string{"--grafana-url", url, "--token-file", filepath.Join(wrong, "none")}, "", exitUsage, "the token: open", ""},
		"dashboards that Grafana would not show": {[]string{"--grafana-url", url, "--dir", wrong}, "other", exitData, "x.json", ""},
		"an unknown flag":                        {[]string{"--token", "secret"}, "", exitUsage, "token", ""},
	} {
		t.Run(name, func(t *testing.T) {
			environ := func(name string) string {
				if name == "GRAFANA_TOKEN" {
					return tc.token
				}
				return ""
			}
			var stdout, stderr bytes.Buffer
			code := command(append([]string{"push"}, tc.args...), environ, &stdout, &stderr)
			if code != tc.code || !strings.Contains(stderr.String(), tc.says) || !strings.Contains(stdout.String(), tc.prints) {
				t.Errorf("exit code %d, want %d: %s%s", code, tc.code, &stdout, &stderr)
			}
		})
	}
}
