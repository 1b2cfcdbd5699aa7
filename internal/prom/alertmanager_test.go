package prom

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAServerSaysWhereItSendsAlerts(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   []string
		err    error
	}{
		"to one":                     {200, `{"status":"success","data":{"activeAlertmanagers":[{"url":"http://10.0.0.7:9093/api/v2/alerts"}],"droppedAlertmanagers":[{"url":"http://10.0.0.8:9093/api/v2/alerts"}]}}`, []string{"http://10.0.0.7:9093/api/v2/alerts"}, nil},
		"to none":                    {200, `{"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}}`, []string{}, nil},
		"it has no such API":         {404, "404 page not found", nil, ErrNoRulesAPI},
		"it is in trouble":           {503, "", nil, ErrUnreachable},
		"an answer that is not JSON": {200, "<html>", nil, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "/api/v1/alertmanagers", tc.status, tc.body).Alertmanagers(t.Context())
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
		})
	}
}

func TestAlertmanagerIsAskedForAlertsByTheirLabels(t *testing.T) {
	const one = `[{"labels":{"alertname":"Down","pod":"a"},"startsAt":"2026-03-04T05:06:07.000Z","endsAt":"2026-03-04T05:10:07.000Z","status":{"state":"unprocessed","silencedBy":[],"inhibitedBy":[]},"receivers":[{"name":"none"}]}]`
	for name, tc := range map[string]struct {
		status int
		body   string
		want   []Notice
		says   string
	}{
		"it has one":                   {200, one, []Notice{{Labels: map[string]string{"alertname": "Down", "pod": "a"}, StartsAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}}, ""},
		"it has none":                  {200, "[]", []Notice{}, ""},
		"nobody may ask":               {403, `services "alertmanager" is forbidden`, nil, "status 403 Forbidden: services"},
		"nobody is there":              {503, `no endpoints available`, nil, "status 503"},
		"an answer that is not JSON":   {200, "<html>", nil, "not a list of alerts"},
		"an answer of another program": {200, `{"status":"success"}`, nil, "not a list of alerts"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.Path + " " + r.URL.Query().Get("filter")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			a, err := NewAlertmanager(Config{URL: strings.Replace(server.URL, "//", "//user:secret@", 1) + "/below"})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			got, err := a.Notices(t.Context(), map[string]string{"alertname": `a "b"`})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("error %v, want %q", err, tc.says)
			}
			if want := `GET /below/api/v2/alerts alertname="a \"b\""`; asked != want {
				t.Errorf("asked %q, want %q", asked, want)
			}
		})
	}
	t.Run("an invalid URL", func(t *testing.T) {
		if _, err := NewAlertmanager(Config{URL: "alertmanager:9093"}); err == nil {
			t.Error("it was taken")
		}
	})
	t.Run("nobody answers in time", func(t *testing.T) {
		end := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}))
		defer server.Close()
		defer close(end)
		a, err := NewAlertmanager(Config{URL: server.URL, Timeout: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if _, err := a.Notices(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no answer within 20ms") {
			t.Errorf("%v", err)
		}
	})
}
