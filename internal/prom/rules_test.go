package prom

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const rulesAnswer = `{"status":"success","data":{"groups":[{"name":"g","file":"f","interval":15,"rules":[
 {"type":"alerting","name":"Down","query":"up == 0","duration":0,"labels":{"severity":"page"},"annotations":{},"alerts":[],"health":"err","lastError":"boom","evaluationTime":0,"lastEvaluation":"2026-03-04T05:06:07Z","state":"inactive"},
 {"type":"recording","name":"a:b","query":"up","labels":{},"health":"ok","evaluationTime":0,"lastEvaluation":"2026-03-04T05:06:07Z"}]}]}}`

// answering is a client of a server that gives one answer to the requests for a path.
func answering(t *testing.T, path string, status int, body string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	c, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestRulesAreReadWithTheirLastEvaluation(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, tc := range map[string]struct {
		status int
		body   string
		want   []RuleGroup
		err    error
	}{
		"groups with their rules": {200, rulesAnswer, []RuleGroup{{Name: "g", Interval: 15 * time.Second, Rules: []Rule{
			{Name: "Down", Alert: true, Labels: map[string]string{"severity": "page"}, LastEvaluation: at, Error: "boom"},
			{Name: "a:b", Labels: map[string]string{}, LastEvaluation: at},
		}}}, nil},
		"no groups at all":             {200, `{"status":"success","data":{"groups":[]}}`, []RuleGroup{}, nil},
		"a server without rules":       {404, "404 page not found", nil, ErrNoRulesAPI},
		"a server that says so":        {501, `{"status":"error","error":"not implemented"}`, nil, ErrNoRulesAPI},
		"a server in trouble":          {503, "", nil, ErrUnreachable},
		"an answer that is not JSON":   {200, "<html>", nil, ErrUnreachable},
		"an answer of another program": {200, `{"status":"success","data":[]}`, nil, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "/api/v1/rules", tc.status, tc.body).Rules(t.Context())
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
		})
	}
}

func TestHeartbeatsAreReadByGroup(t *testing.T) {
	const answer = `{"status":"success","data":{"resultType":"vector","result":[
 {"metric":{"rule_group":"g"},"value":[1772600000,"2.5"]},
 {"metric":{},"value":[1772600000,"1"]}]}}`
	for name, tc := range map[string]struct {
		status int
		body   string
		want   map[string]time.Duration
		err    error
	}{
		"the ages of groups, without what names none": {200, answer, map[string]time.Duration{"g": 2500 * time.Millisecond}, nil},
		"no group":                  {200, `{"status":"success","data":{"resultType":"vector","result":[]}}`, map[string]time.Duration{}, nil},
		"a server in trouble":       {503, "", nil, ErrUnreachable},
		"an answer of another type": {200, `{"status":"success","data":{"resultType":"scalar","result":[1772600000,"1"]}}`, nil, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "/api/v1/query", tc.status, tc.body).Heartbeats(t.Context())
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
		})
	}
}
