package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

var update = flag.Bool("update", false, "rewrite the dashboards")

// committed are the files of the folder, by name.
func committed(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func repository(t *testing.T) slo.Set {
	t.Helper()
	set, err := slo.Load(filepath.Join("..", "alerts", "slo"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestGoldenDashboardsAreThoseOfTheDocuments(t *testing.T) {
	want, err := generate(repository(t), promSource{})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if code := run(nil, os.Stderr); code != exitOK {
			t.Fatalf("exit code %d", code)
		}
	}
	if d := cmp.Diff(want, committed(t)); d != "" {
		t.Errorf("the committed files are not what is generated (-generated +committed), run go generate ./dashboards:\n%.4000s", d)
	}
	again, err := generate(repository(t), promSource{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, again); d != "" {
		t.Errorf("it is generated differently each time:\n%.2000s", d)
	}
}

func TestGrafanaWouldShowEveryDashboard(t *testing.T) {
	for name, content := range committed(t) {
		if err := lint.Strict(content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		problems, err := lint.Check(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", name, p)
		}
	}
}

func TestDashboardsLinkToTheRunbooksOfTheAlerts(t *testing.T) {
	if runbooks != rules.RunbookBase {
		t.Errorf("%s, and the alerts %s", runbooks, rules.RunbookBase)
	}
}

// A link to a dashboard that is not there leads to an error page.
func TestLinksLeadToDashboards(t *testing.T) {
	var uids []string
	for _, b := range boards(repository(t)) {
		uids = append(uids, b.uid)
	}
	for name, content := range committed(t) {
		for _, part := range strings.Split(string(content), `"/d/`)[1:] {
			uid, _, _ := strings.Cut(part, "?")
			if !slices.Contains(uids, uid) {
				t.Errorf("%s links to %q, which is none of %s", name, uid, uids)
			}
		}
	}
}

const grouped = `
apiVersion: openslo/v1
kind: SLO
metadata:
  name: by-route
  labels: {team: edge}
  annotations: {ballast.dev/group-by: "route"}
spec:
  service: monitor
  indicator:
    metadata: {name: by-route}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'requests_total{code="200"}'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'requests_total'}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
`

func TestGroupsAreVariablesAndOwnersAreColumns(t *testing.T) {
	slos, err := slo.Decode("x.yaml", []byte(grouped))
	if err != nil {
		t.Fatal(err)
	}
	set, err := slo.NewSet(slos...)
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(set, promSource{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"slo-overview.json": {`"name": "route"`, `route=~\"$route\"`, `max by (service, slo, route)`, `group_left (team)`, `"team": "team"`},
		"slo-detail.json":   {`"name": "route"`, `route=~\"$route\"`, `"legendFormat": "good {{route}}"`},
	} {
		for _, text := range want {
			if !bytes.Contains(files[name], []byte(text)) {
				t.Errorf("%s has no %s", name, text)
			}
		}
		problems, err := lint.Check(files[name])
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
		if err := lint.Strict(files[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGenerateWritesNothingOfDocumentsThatAreWrong(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte("kind: SLO\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"wrong documents": {[]string{"--slos", dir, "--out", out}, exitData},
		"no directory":    {[]string{"--slos", filepath.Join(dir, "nowhere"), "--out", out}, exitData},
		"unknown flag":    {[]string{"--colour"}, exitUsage},
		"nowhere to go":   {[]string{"--out", filepath.Join(dir, "nowhere")}, exitUnwrite},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := run(test.args, &stderr); code != test.code || stderr.Len() == 0 {
				t.Errorf("exit code %d, want %d: %s", code, test.code, &stderr)
			}
		})
	}
	if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
