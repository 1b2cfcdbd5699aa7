package local

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
)

func TestTheHistoryIsHealthyAndAsTheGeneratorExposesIt(t *testing.T) {
	g, err := load.New(load.Config{URL: "http://127.0.0.1:1/", Name: probeName, Rate: 10, Logger: quietLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	exposed, err := families(t.Context(), g.Handler())
	if err != nil {
		t.Fatal(err)
	}
	end := time.UnixMilli(1_700_000_000_000)
	history, err := healthyHistory(exposed, map[string]string{"job": "probe"}, 10, end, time.Hour, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range history {
		if s.Labels["job"] != "probe" || s.Labels["probe"] != probeName {
			t.Errorf("labels: %v", s.Labels)
		}
		last := s.Points[len(s.Points)-1]
		if !last.T.Equal(end) || !s.Points[0].T.Equal(end.Add(-time.Hour)) {
			t.Errorf("%v from %s to %s", s.Labels, s.Points[0].T, last.T)
		}
		for i, p := range s.Points[1:] {
			if before := s.Points[i]; p.V < before.V || !p.T.After(before.T) {
				t.Fatalf("%v: %v after %v", s.Labels, p, before)
			}
		}
		key := s.Labels["__name__"] + s.Labels["outcome"] + s.Labels["le"]
		seen[key] = true
		want := 36_000.0
		switch key {
		case "probe_requests_totalerror", "probe_request_duration_seconds_bucket0.001", "probe_request_duration_seconds_bucket0.0025":
			want = 0
		case "probe_request_duration_seconds_sum":
			want = 108
		}
		if last.V != want {
			t.Errorf("%s ends at %v, want %v", key, last.V, want)
		}
	}
	for _, key := range []string{
		"probe_requests_totalsuccess", "probe_requests_totalerror", "probe_request_duration_seconds_count",
		"probe_request_duration_seconds_bucket1.0", "probe_request_duration_seconds_bucket2.5", "probe_request_duration_seconds_bucket+Inf",
	} {
		if !seen[key] {
			t.Errorf("no %s", key)
		}
	}
	if _, err := healthyHistory(nil, nil, 1, end, time.Hour, time.Second); err == nil {
		t.Error("a history of nothing")
	}
	if _, err := families(t.Context(), http.NotFoundHandler()); err == nil {
		t.Error("metrics of a handler without any")
	}
}

func TestRulesRunFasterAndLookLessFarBack(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "source.yaml")
	text := "groups:\n- name: g\n  interval: 30s\n  rules:\n  - {alert: A, expr: 'rate(x[3d] offset 6h) > 1', for: 5m}\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	files, back, err := scaledRules(dir, []string{source}, 72, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Hour + 5*time.Minute; back != want {
		t.Errorf("looks back %s, want %s", back, want)
	}
	got, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	want := "groups:\n  - name: g\n    interval: 1s\n    rules:\n      - alert: A\n        expr: rate(x[1h] offset 5m) > 1\n        for: 4s167ms\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if files, back, err := scaledRules(dir, nil, 75, time.Second); err != nil || files != nil || back != 0 {
		t.Errorf("without rules: %v, %s, %v", files, back, err)
	}
}
