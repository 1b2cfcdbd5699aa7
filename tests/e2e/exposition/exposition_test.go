package exposition

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const program = `# HELP app_info Information about an application.
# TYPE app_info gauge
app_info{name="probe",sync_status="Synced"} 1
app_info{name="monitor",sync_status="OutOfSync"} 1
# HELP wait_seconds How long it waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 2
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 4.5
wait_seconds_count 3
lonely 1
`

func parse(t *testing.T, text string) Exposition {
	t.Helper()
	e, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatASelectionHasAndTheProgramDoesNotIsFound(t *testing.T) {
	for name, tt := range map[string]struct {
		selection string
		want      []string
	}{
		"nothing, as of the selection itself":  {program, nil},
		"nothing, with other values of labels": {"# TYPE app_info gauge\napp_info{name=\"x\",sync_status=\"Unknown\"} 1\n", nil},
		"nothing in part of a histogram":       {"# TYPE wait_seconds histogram\nwait_seconds_bucket{le=\"9\"} 1\n", nil},
		"a family":                             {"# TYPE app_state gauge\napp_state 1\n", []string{"app_state is not exported any more"}},
		"a type":                               {"# TYPE app_info counter\napp_info{name=\"x\",sync_status=\"y\"} 1\n", []string{"app_info was a counter and is a gauge"}},
		"a label":                              {"# TYPE app_info gauge\napp_info{name=\"x\",project=\"y\"} 1\n", []string{"no series of app_info has the labels name, project"}},
		"a histogram that is one no longer":    {"# TYPE lonely histogram\nlonely_bucket{le=\"1\"} 1\n", []string{"lonely was a histogram and is a unknown", "no series of lonely_bucket has the labels le"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parse(t, tt.selection).Missing(parse(t, program))); d != "" {
				t.Errorf("(-want +found):\n%s", d)
			}
		})
	}
}

func TestASelectionIsShortAndSorted(t *testing.T) {
	want := "# HELP app_info Information about an application.\n# TYPE app_info gauge\napp_info{name=\"probe\",sync_status=\"Synced\"} 1\n" +
		"# HELP wait_seconds How long it waits.\n# TYPE wait_seconds histogram\nwait_seconds_bucket{le=\"1\"} 2\n"
	got := parse(t, program).Select([]string{"wait_seconds", "app_info", "gone", "app_info"}, 1)
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"app_info", "lonely", "wait_seconds"}, parse(t, program).Families()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(program))
	f.Add([]byte("a{b=} 1\n"))
	f.Add([]byte("# TYPE x_bucket counter\nx_bucket 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		if missing := e.Missing(e); len(missing) > 0 {
			t.Errorf("it is missing from itself: %q", missing)
		}
		e.Select(e.Families(), 10)
	})
}

func TestASelectionPrefersWhatHappened(t *testing.T) {
	text := "# TYPE failed_total counter\nfailed_total{why=\"a\"} 0\nfailed_total{why=\"b\"} 0\nfailed_total{why=\"c\"} 3\n"
	want := "# TYPE failed_total counter\nfailed_total{why=\"c\"} 3\nfailed_total{why=\"a\"} 0\n"
	if d := cmp.Diff(want, string(parse(t, text).Select([]string{"failed_total"}, 2))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
