package report

import (
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestARedRunShowsLogsAndEventsOfItsWindow(t *testing.T) {
	run := failRun()
	run.Evidence.Logs = &result.Logs{
		From: run.T0.Add(-5 * time.Second), To: run.T0.Add(51 * time.Second), Dropped: 1234,
		Lines:   []result.LogLine{{At: run.T0.Add(3 * time.Second), Source: "monitor-7d9f4-a", Text: `{"msg":"draining"}`}},
		Missing: []string{"events of namespace monitor: forbidden"},
	}
	l := newLogs(run, windowOf(run))
	if l.Summary != "Logs and events from −5 s to +51 s: 1 line, and 1,234 that there was no room for" || l.Lines[0].When != "+3 s" {
		t.Errorf("got %+v", l)
	}
	text := inspect(t, reportOf(run), func(string, map[string]string) {})
	for _, want := range []string{"{&#34;msg&#34;:&#34;draining&#34;}", "Not read: events of namespace monitor: forbidden", "monitor-7d9f4-a"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestMissingLogsAreSaidToBeMissing(t *testing.T) {
	text := inspect(t, reportOf(failRun()), func(string, map[string]string) {})
	if !strings.Contains(text, "No logs or events of this window are in the evidence.") {
		t.Error("nothing says that logs are missing")
	}
	if l := newLogs(passRun(), windowOf(passRun())); l != nil {
		t.Errorf("a run that passed: %+v", l)
	}
}
