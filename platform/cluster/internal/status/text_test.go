package status

import (
	"strings"
	"testing"
	"time"
)

const now = "2026-11-29T12:00:00Z"

func TestTheTableOfApplications(t *testing.T) {
	const revision, before = "0123456789abcdef0123456789abcdef01234567", "76543210fedcba9876543210fedcba9876543210"
	image := []Image{{"example.org/ballast/monitor:by-digest-only@" + digest, digest}}
	of := func(verdict, revision, ended string) Verdict {
		v := Verdict{Verdict: verdict, Revision: revision}
		if ended != "" {
			v.Ended = pointer(at(ended))
		}
		return v
	}
	o := Overview{Cluster: "sandbox", Running: true, Problems: []string{"verdicts of x:\nno"}, Applications: []Application{
		{Name: "bootstrap", Sync: "Synced", Health: "Healthy", Sources: []Source{{"a", revision}}},
		{
			Environment: "prod", Name: "monitor", Sync: "Synced", Health: "Healthy", Sources: []Source{{"a", revision}, {"b", before}}, Images: image,
			Operation: &Operation{Phase: "Succeeded", Message: "all fine", Started: at("2026-11-29T11:00:00Z"), Finished: pointer(at("2026-11-29T11:30:00Z"))},
			Verdicts:  []Verdict{of("pass", revision, "2026-11-29T11:50:00Z"), of("fail", revision, "2026-11-29T11:40:00Z"), of("pass", revision, "2026-11-29T10:00:00Z"), of("aborted", strings.Repeat("e", 40), "2026-11-29T09:00:00Z")},
		},
		{
			Environment: "prod", Name: "probe", Sync: "OutOfSync", Health: "Degraded", Sources: []Source{{"a", revision}}, Images: image,
			Operation:   &Operation{Phase: "Running", Message: "waiting", Started: at("2026-11-29T11:59:30Z"), Retries: 2},
			Verdicts:    []Verdict{of("pass", before, "")},
			Differences: []Difference{{"Deployment.apps", "monitor", "probe", "out of sync", "", nil}, {"Pod", "", "x", "unhealthy", "it\ncrashes", nil}},
			Conditions:  []string{"SyncError: " + strings.Repeat("é", 400)},
		},
		{Environment: "prod", Name: "third", Sync: "Synced", Health: "Healthy", Images: image},
	}}
	want := `ENVIRONMENT  APPLICATION  REVISION           IMAGES            SYNC       HEALTH    LAST OPERATION         VERDICT
-            bootstrap    01234567           -                 Synced     Healthy   -                      -
prod         monitor      01234567 76543210  monitor@01234567  Synced     Healthy   Succeeded 30 min ago   fail, 2 pass 10 min ago
prod         probe        01234567           monitor@01234567  OutOfSync  Degraded  Running 30 s ago, try 3  none for this revision; pass for 76543210 at an unknown time
prod         third        -                  monitor@01234567  Synced     Healthy   -                      none

probe: Deployment.apps monitor/probe: out of sync
probe: Pod x: unhealthy: it crashes
probe: SyncError: ` + strings.Repeat("é", 144) + `…
probe: Running: waiting
could not be read: verdicts of x: no
`
	var out strings.Builder
	if err := o.Text(&out, at(now)); err != nil {
		t.Fatal(err)
	}
	// Columns are as wide as they have to be; which width that is does not matter here.
	squeeze := func(s string) string {
		var lines []string
		for line := range strings.Lines(s) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		return strings.Join(lines, "\n")
	}
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestWhereThereIsNothingToShow(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Overview
		says string
	}{
		"no cluster":      {Overview{Cluster: "x"}, "cluster x does not run; `make up` starts it\n"},
		"no applications": {Overview{Cluster: "x", Running: true}, "cluster x runs, and Argo CD has no application on it; `make up` deploys the platform\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := tt.o.Text(&out, at(now)); err != nil || out.String() != tt.says {
				t.Errorf("%v: %q, want %q", err, out.String(), tt.says)
			}
		})
	}
}

func TestAgesAreInTheUnitThatPeopleCompare(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s ago", 0: "0 s ago", 119 * time.Second: "119 s ago", 2 * time.Minute: "2 min ago", 90 * time.Minute: "90 min ago",
		2 * time.Hour: "2 h ago", 47 * time.Hour: "47 h ago", 72 * time.Hour: "3 days ago",
	} {
		if got := age(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
