package loss_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/tests/e2e/loss"
)

// at is a moment of the tests, in milliseconds after a pod was told to die.
func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// killed is a pod whose process was alive after 10 ms and had ended after 40 ms. New
// connections led there until 500 ms.
func killed() loss.Death {
	return loss.Death{Told: at(0), Alive: at(10), Ended: at(40), Withdrawn: at(300), Unrouted: at(500)}
}

func TestWhatARequestWasLostTo(t *testing.T) {
	const (
		inFlight    = "in flight"
		dead        = "dead connection"
		refused     = "refused"
		unexplained = "unexplained"
	)
	// forced is a pod that new connections no longer led to while it still answered.
	forced := loss.Death{Told: at(0), Alive: at(990), Ended: at(1000), Withdrawn: at(50), Unrouted: at(200)}
	endless, neverAlive := killed(), killed()
	endless.Unrouted, neverAlive.Alive = time.Time{}, time.Time{}
	tests := map[string]struct {
		reason string
		sent   int // ms
		took   int // ms
		death  loss.Death
		want   string
	}{
		"under way when the process ended":                        {"reset", 8, 3, killed(), inFlight},
		"under way, and never heard of again":                     {"timeout", 9, 1000, killed(), inFlight},
		"an answer that broke off":                                {"cut", 9, 2, killed(), inFlight},
		"reset between the last look at it and its end":           {"reset", 12, 2, killed(), inFlight},
		"sent on a connection that was dead":                      {"reset", 44, 1, killed(), dead},
		"sent on a dead connection and never heard of again":      {"timeout", 400, 1000, killed(), dead},
		"refused as its endpoint was still there":                 {"connect", 200, 1, killed(), refused},
		"refused as the rules of the node were still the old":     {"connect", 450, 1, killed(), refused},
		"refused by a pod whose rules never went":                 {"connect", 5000, 1, endless, refused},
		"refused although nothing led there any more":             {"connect", 600, 1, killed(), unexplained},
		"refused before the process had ended":                    {"connect", 2, 1, killed(), unexplained},
		"reset before the process had ended":                      {"reset", 0, 3, killed(), unexplained},
		"reset so late that the client must have known":           {"reset", 1500, 1, killed(), unexplained},
		"an answer of another status":                             {"status", 12, 1, killed(), unexplained},
		"never sent":                                              {"unsent", 12, 1000, killed(), unexplained},
		"a reason that nobody knows":                              {"magic", 12, 1, killed(), unexplained},
		"refused by a pod that nothing led to when it ended":      {"connect", 1001, 1, forced, unexplained},
		"under way at the end of a pod that nothing led to":       {"reset", 998, 3, forced, inFlight},
		"reset by a pod that was told to die but had not":         {"reset", 300, 3, forced, unexplained},
		"lost while nobody knows when the process ended":          {"reset", 12, 1, loss.Death{Told: at(0), Alive: at(10)}, unexplained},
		"lost while nobody knows until when it was alive":         {"reset", 12, 1, neverAlive, unexplained},
		"within the slack of the clock before the process ended":  {"reset", 3, 3, killed(), inFlight},
		"within the slack of the clock after the rules were gone": {"connect", 504, 1, killed(), refused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := loss.Failure{Reason: tt.reason, Sent: at(tt.sent), Took: time.Duration(tt.took) * time.Millisecond}
			c := loss.Attribute([]loss.Failure{f}, tt.death, 5*time.Millisecond)
			got := map[string]int{inFlight: c.InFlight, dead: c.DeadConnection, refused: c.Refused, unexplained: len(c.Unexplained)}
			want := map[string]int{inFlight: 0, dead: 0, refused: 0, unexplained: 0}
			want[tt.want] = 1
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if c.Lost() != 1 {
				t.Errorf("%d are lost, want 1", c.Lost())
			}
		})
	}
}

func TestEachUnexplainedLossIsShown(t *testing.T) {
	c := loss.Attribute([]loss.Failure{
		{Reason: "reset", Sent: at(9), Took: 2 * time.Millisecond},
		{Reason: "status", Sent: at(20), Took: time.Millisecond, Error: "503 Service Unavailable"},
	}, killed(), 0)
	const want = "2 lost: 1 in flight, 0 sent on a connection of the dead pod, 0 refused before nothing led there any more, 1 unexplained\n  status after 1ms, sent at "
	if got := c.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ": 503 Service Unavailable") {
		t.Errorf("got %q, want %q…", got, want)
	}
}

func TestADeathIsToldWithWhatIsNotKnown(t *testing.T) {
	d := killed()
	d.Unrouted = time.Time{}
	const want = "told to die, the process had ended after 0.040 s, its endpoint was withdrawn after 0.300 s, and the rules of the node led nobody there at an unknown time"
	if got := d.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailuresAreReadFromAmongOtherLines(t *testing.T) {
	log := `{"time":"2026-01-01T10:00:00Z","level":"INFO","msg":"load started","rate":200}
{"time":"2026-01-01T10:00:01Z","level":"DEBUG","msg":"request failed","reason":"reset","due":"2026-01-01T10:00:00.9Z","sent":"2026-01-01T10:00:00.95Z","seconds":0.0015,"status":0,"error":"read: connection reset by peer","unlogged_before":0}
not JSON at all
{"scheduled":200,"success":199,"errors":1}
`
	got, err := loss.Failures([]byte(log))
	if err != nil {
		t.Fatal(err)
	}
	want := []loss.Failure{{
		Reason: "reset", Sent: time.Date(2026, 1, 1, 10, 0, 0, 950_000_000, time.UTC), Took: 1500 * time.Microsecond, Error: "read: connection reset by peer",
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAFailureThatSaysTooLittleIsAnError(t *testing.T) {
	for name, line := range map[string]string{
		"a line that is cut":      `{"msg":"request failed","reason":"reset"`,
		"a line without a time":   `{"msg":"request failed","reason":"reset"}`,
		"a line without a reason": `{"msg":"request failed","sent":"2026-01-01T10:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := loss.Failures([]byte(line)); err == nil {
				t.Errorf("it is read as %v", got)
			}
		})
	}
}

func FuzzFailures(f *testing.F) {
	f.Add([]byte(`{"msg":"request failed","reason":"reset","sent":"2026-01-01T10:00:00Z","seconds":1e300}`))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		all, err := loss.Failures(log)
		if err != nil {
			return
		}
		if got := loss.Attribute(all, killed(), 0).Lost(); got != len(all) {
			t.Errorf("%d of %d failures are attributed", got, len(all))
		}
	})
}
