package local

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
)

// exposedByGenerator are the metrics of a load generator that has not started.
func exposedByGenerator(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	g, err := load.New(load.Config{URL: "http://127.0.0.1:1/", Name: probeName, Rate: 10, Logger: quietLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	exposed, err := families(t.Context(), g.Handler())
	if err != nil {
		t.Fatal(err)
	}
	return exposed
}

func TestTheHistoryIsHealthyAndAsTheGeneratorExposesIt(t *testing.T) {
	exposed := exposedByGenerator(t)
	end := time.UnixMilli(1_700_000_000_000)
	past, err := history(exposed, map[string]string{"job": "probe"}, 10, nil, end, time.Hour, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range past {
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
	if _, err := history(nil, nil, 1, nil, end, time.Hour, time.Second); err == nil {
		t.Error("a history of nothing")
	}
	if _, err := families(t.Context(), http.NotFoundHandler()); err == nil {
		t.Error("metrics of a handler without any")
	}
}

func TestAnIncidentIsInTheHistoryAndNowhereElse(t *testing.T) {
	exposed := exposedByGenerator(t)
	end := time.UnixMilli(1_700_000_000_000)
	incidents := []Incident{
		{Begin: 50 * time.Minute, End: 40 * time.Minute, Failed: 0.01},
		{Begin: 30 * time.Minute, End: 20 * time.Minute, Slow: 0.5},
	}
	past, err := history(exposed, nil, 10, incidents, end, time.Hour, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	// A request in a hundred of ten minutes is 60; half of them are 3,000.
	want := map[string][3]float64{ // an hour, half an hour and no time before the end
		"probe_requests_totalerror":                   {0, 60, 60},
		"probe_requests_totalsuccess":                 {0, 17_940, 35_940},
		"probe_request_duration_seconds_count":        {0, 18_000, 36_000},
		"probe_request_duration_seconds_bucket0.25":   {0, 18_000, 33_000},
		"probe_request_duration_seconds_bucket1.0":    {0, 18_000, 36_000},
		"probe_request_duration_seconds_bucket0.0025": {0, 0, 0},
	}
	for _, s := range past {
		name := s.Labels["__name__"] + s.Labels["outcome"] + s.Labels["le"]
		for i, p := range s.Points[1:] {
			if p.V < s.Points[i].V {
				t.Fatalf("%s: %v after %v", name, p, s.Points[i])
			}
		}
		values, ok := want[name]
		if !ok {
			continue
		}
		delete(want, name)
		for i, ago := range []time.Duration{time.Hour, 30 * time.Minute, 0} {
			for _, p := range s.Points {
				if p.T.Equal(end.Add(-ago)) && p.V != values[i] {
					t.Errorf("%s, %s before the end: %v, want %v", name, ago, p.V, values[i])
				}
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if _, err := history(exposed, nil, 10, []Incident{{Begin: 2 * time.Hour}}, end, time.Hour, time.Second); err == nil {
		t.Error("an incident before the history")
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
