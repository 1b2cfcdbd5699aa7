package grafana_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/dashboards/internal/grafana"
)

// standIn answers as Grafana's HTTP API is documented, for folders and dashboards.
type standIn struct {
	t       *testing.T
	mu      sync.Mutex
	folders map[string]string         // titles by uid
	boards  map[string]map[string]any // models by uid
	asked   []string
	// answer may take an answer's place; it returns false to leave it.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

const goodToken = "glsa_secret"

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	if r.Header.Get("Accept") != "application/json" || r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s: headers %v", r.Method, r.URL.Path, r.Header)
	}
	if r.Header.Get("Authorization") != "Bearer "+goodToken {
		reply(w, http.StatusUnauthorized, map[string]any{"message": "Invalid API key"})
		return
	}
	if s.answer != nil && s.answer(w, r) {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/below")
	switch {
	case r.Method == http.MethodGet && strings.HasPrefix(path, "/api/folders/"):
		uid := strings.TrimPrefix(path, "/api/folders/")
		if title, ok := s.folders[uid]; ok {
			reply(w, http.StatusOK, map[string]any{"id": 1, "uid": uid, "title": title, "canSave": true, "version": 1})
			return
		}
		reply(w, http.StatusNotFound, map[string]any{"message": "folder not found", "status": "not-found"})
	case r.Method == http.MethodPost && path == "/api/folders":
		var body struct{ UID, Title string }
		s.decode(r, &body)
		s.folders[body.UID] = body.Title
		reply(w, http.StatusOK, map[string]any{"id": 1, "uid": body.UID, "title": body.Title})
	case r.Method == http.MethodGet && strings.HasPrefix(path, "/api/dashboards/uid/"):
		if model, ok := s.boards[strings.TrimPrefix(path, "/api/dashboards/uid/")]; ok {
			reply(w, http.StatusOK, map[string]any{"dashboard": model, "meta": map[string]any{"canSave": true}})
			return
		}
		reply(w, http.StatusNotFound, map[string]any{"message": "Dashboard not found"})
	case r.Method == http.MethodPost && path == "/api/dashboards/db":
		s.save(w, r)
	default:
		reply(w, http.StatusNotFound, map[string]any{"message": "Not found"})
	}
}

func (s *standIn) decode(r *http.Request, body any) {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(body); err != nil {
		s.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
}

// save does what the documentation says of POST /api/dashboards/db.
func (s *standIn) save(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Dashboard map[string]any `json:"dashboard"`
		FolderUID string         `json:"folderUid"`
		Message   string         `json:"message"`
		Overwrite bool           `json:"overwrite"`
	}
	s.decode(r, &body)
	uid, _ := body.Dashboard["uid"].(string)
	there, exists := s.boards[uid]
	version := 0.0
	if exists {
		version, _ = there["version"].(float64)
	}
	switch {
	case s.folders[body.FolderUID] == "":
		reply(w, http.StatusBadRequest, map[string]any{"message": "folder not found"})
		return
	case exists && !body.Overwrite && body.Dashboard["id"] == nil:
		reply(w, http.StatusPreconditionFailed, map[string]any{"message": "A dashboard with the same uid already exists", "status": "name-exists"})
		return
	case exists && !body.Overwrite && body.Dashboard["version"] != version:
		reply(w, http.StatusPreconditionFailed, map[string]any{"message": "The dashboard has been changed by someone else", "status": "version-mismatch"})
		return
	}
	body.Dashboard["id"], body.Dashboard["version"] = 7.0, version+1
	s.boards[uid] = body.Dashboard
	reply(w, http.StatusOK, map[string]any{"id": 7, "uid": uid, "url": "/d/" + uid + "/x", "status": "success", "version": version + 1, "slug": "x"})
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func start(t *testing.T) (*standIn, grafana.Config) {
	t.Helper()
	s := &standIn{t: t, folders: map[string]string{}, boards: map[string]map[string]any{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, grafana.Config{URL: server.URL, Token: goodToken, FolderUID: "ballast", FolderTitle: "Ballast", Message: "from a test"}
}

func two() []grafana.Dashboard {
	return []grafana.Dashboard{
		{UID: "ballast-a", Title: "A", JSON: []byte(`{"uid":"ballast-a","title":"A","panels":[]}`)},
		{UID: "ballast-b", Title: "B", JSON: []byte(`{"uid":"ballast-b","title":"B","panels":[]}`)},
	}
}

// outcomes are what became of the dashboards, in their order.
func outcomes(reports []grafana.Report) string {
	var all []string
	for _, r := range reports {
		all = append(all, string(r.Outcome))
	}
	return strings.Join(all, ", ")
}

func TestAFirstPushMakesTheFolderAndTheDashboards(t *testing.T) {
	s, cfg := start(t)
	cfg.URL += "/below/"
	got, err := grafana.Push(t.Context(), cfg, two())
	if err != nil {
		t.Fatal(err)
	}
	want := []grafana.Report{
		{Title: "A", Outcome: grafana.Pushed, Version: 1, URL: strings.TrimSuffix(cfg.URL, "/below/") + "/d/ballast-a/x"},
		{Title: "B", Outcome: grafana.Pushed, Version: 1, URL: strings.TrimSuffix(cfg.URL, "/below/") + "/d/ballast-b/x"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{
		"GET /below/api/folders/ballast", "GET /below/api/dashboards/uid/ballast-a", "GET /below/api/dashboards/uid/ballast-b",
		"POST /below/api/folders", "POST /below/api/dashboards/db", "POST /below/api/dashboards/db",
	}, s.asked); d != "" {
		t.Error(d)
	}
	if s.folders["ballast"] != "Ballast" || s.boards["ballast-b"]["title"] != "B" {
		t.Errorf("%v, %v", s.folders, s.boards)
	}
}

func TestASecondPushMakesNewVersions(t *testing.T) {
	_, cfg := start(t)
	for version := 1; version <= 2; version++ {
		got, err := grafana.Push(t.Context(), cfg, two())
		if err != nil || got[1].Version != version {
			t.Fatalf("version %d: %+v, %v", version, got, err)
		}
	}
}

func TestAChangeMeanwhileIsKeptUnlessItIsOverwritten(t *testing.T) {
	for overwrite, want := range map[bool]string{false: "pushed, not pushed", true: "pushed, pushed"} {
		t.Run(fmt.Sprintf("overwrite %v", overwrite), func(t *testing.T) {
			s, cfg := start(t)
			cfg.Overwrite = overwrite
			s.folders["ballast"] = "Ballast"
			s.boards["ballast-b"] = map[string]any{"id": 7.0, "version": 3.0}
			saves := 0
			s.answer = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					if saves++; saves == 2 {
						s.boards["ballast-b"]["version"] = 4.0
					}
				}
				return false
			}
			got, err := grafana.Push(t.Context(), cfg, two())
			if outcomes(got) != want || (err == nil) != overwrite {
				t.Errorf("%s, %v", outcomes(got), err)
			}
			if err != nil && !strings.Contains(err.Error(), `dashboard "B": Grafana answers 412 Precondition Failed: The dashboard has been changed by someone else (somebody saved it meanwhile`) {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsRefusedSaysWhyAndWhatToDo(t *testing.T) {
	// at answers the nth request of a method and path by a status and a message.
	at := func(method, path string, n, status int, body map[string]any) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method || !strings.HasPrefix(r.URL.Path, path) {
				return false
			}
			if n--; n != 0 {
				return false
			}
			reply(w, status, body)
			return true
		}
	}
	const db = "/api/dashboards/db"
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		token  string
		want   string
		says   string
	}{
		"the token is wrong":                {nil, "other", "not pushed, not pushed", "401 Unauthorized: Invalid API key (the token is wrong or has expired)"},
		"the token may not read":            {at("GET", "/api/folders", 1, 403, map[string]any{"message": "no"}), "", "not pushed, not pushed", "403 Forbidden: no (the token's service account lacks a permission"},
		"the folder may not be used":        {at("GET", "/api/folders", 1, 200, map[string]any{"uid": "ballast", "canSave": false}), "", "not pushed, not pushed", "the token may not save in it"},
		"the folder may not be made":        {at("POST", "/api/folders", 1, 403, map[string]any{"message": "no"}), "", "not pushed, not pushed", "make the folder ballast: Grafana answers 403"},
		"the folder is made by another":     {at("POST", "/api/folders", 1, 409, map[string]any{"message": "exists"}), "", "not pushed, not pushed", "409 Conflict: exists (there is one already)"},
		"a dashboard is provisioned":        {at("GET", "/api/dashboards/uid/ballast-b", 1, 200, map[string]any{"dashboard": map[string]any{"version": 1}, "meta": map[string]any{"provisioned": true}}), "", "not pushed, not pushed", `dashboard "B": it is provisioned from a file`},
		"a dashboard may not be saved":      {at("GET", "/api/dashboards/uid/ballast-a", 1, 200, map[string]any{"dashboard": map[string]any{"version": 1}, "meta": map[string]any{"canSave": false}}), "", "not pushed, not pushed", `dashboard "A": the token may not save it`},
		"the second may not be saved":       {at("POST", db, 2, 403, map[string]any{"message": "no"}), "", "pushed, not pushed", `dashboard "B": Grafana answers 403`},
		"its folder is gone":                {at("POST", db, 1, 404, map[string]any{"message": "folder not found"}), "", "not pushed, not pushed", "404 Not Found: folder not found"},
		"the JSON is refused":               {at("POST", db, 1, 400, map[string]any{"message": "bad request data"}), "", "not pushed, not pushed", "400 Bad Request: bad request data"},
		"the title is taken":                {at("POST", db, 1, 412, map[string]any{"message": "exists", "status": "name-exists"}), "", "not pushed, not pushed", "push with OVERWRITE=1"},
		"a plugin has it":                   {at("POST", db, 1, 412, map[string]any{"message": "no", "status": "plugin-dashboard"}), "", "not pushed, not pushed", "it belongs to a plugin"},
		"Grafana is in trouble":             {at("POST", db, 2, 503, map[string]any{"message": "busy"}), "", "pushed, unknown", "503 Service Unavailable: busy (Grafana is in trouble"},
		"the answer is of another program":  {at("POST", db, 1, 200, map[string]any{"hello": "world"}), "", "not pushed, not pushed", "the answer is not that of Grafana"},
		"the folder is of another program":  {at("GET", "/api/folders", 1, 200, map[string]any{"hello": "world"}), "", "not pushed, not pushed", "the answer is not that of Grafana: is http://"},
		"trouble before anything was saved": {at("GET", "/api/dashboards", 1, 500, nil), "", "not pushed, not pushed", "500 Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			s, cfg := start(t)
			s.answer = tc.answer
			if tc.token != "" {
				cfg.Token = tc.token
			}
			got, err := grafana.Push(t.Context(), cfg, two())
			if outcomes(got) != tc.want {
				t.Errorf("%s, want %s", outcomes(got), tc.want)
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), cfg.Token) {
				t.Errorf("error %v, want one with %q and without the token", err, tc.says)
			}
		})
	}
}

func TestNoAnswerLeavesItOpenWhetherADashboardWasSaved(t *testing.T) {
	s, cfg := start(t)
	cfg.Timeout = 100 * time.Millisecond
	end := make(chan struct{})
	defer close(end)
	s.answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/dashboards/db" {
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}
		return false
	}
	got, err := grafana.Push(t.Context(), cfg, two())
	if outcomes(got) != "unknown, not pushed" || err == nil || !strings.Contains(err.Error(), "there was no answer within 100ms") {
		t.Errorf("%s, %v", outcomes(got), err)
	}
}

func TestAPushThatCannotBeginChangesNothing(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler("https://grafana.example.com/login", http.StatusFound))
	defer elsewhere.Close()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	defer page.Close()
	for name, tc := range map[string]struct{ url, token, says string }{
		"no URL":             {"", goodToken, "the URL of Grafana is not one"},
		"a URL of no host":   {"grafana:3000", goodToken, "the URL of Grafana is not one"},
		"a password in it":   {"http://admin:hunter2@127.0.0.1:1", goodToken, "holds a user or password"},
		"no token":           {"http://127.0.0.1:1", "", "there is no token"},
		"nobody listens":     {gone.URL, goodToken, "there was no answer from http://127.0.0.1"},
		"it leads elsewhere": {elsewhere.URL, goodToken, "it redirects to https://grafana.example.com/login: give that address"},
		"a page that is not": {page.URL, goodToken, "the answer is not that of Grafana"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := grafana.Push(t.Context(), grafana.Config{URL: tc.url, Token: tc.token, FolderUID: "ballast", FolderTitle: "Ballast"}, two())
			if outcomes(got) != "not pushed, not pushed" || err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s, %v; want %q", outcomes(got), err, tc.says)
			}
		})
	}
}
