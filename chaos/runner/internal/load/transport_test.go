package load

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// After a stall of the generator the attacker catches up: what is over is not
// sent, what is late is given only the rest of its time.
func TestOnlyRequestsWithTimeLeftAreSent(t *testing.T) {
	tests := map[string]struct {
		seq     string
		late    time.Duration
		left    time.Duration // 0: not sent
		wantErr error
	}{
		"on time":                {"0", 0, time.Second, nil},
		"a little late":          {"0", 300 * time.Millisecond, 700 * time.Millisecond, nil},
		"exactly over":           {"0", time.Second, 0, errUnsent},
		"long over":              {"0", time.Hour, 0, errUnsent},
		"a later hit is in time": {"7", time.Second, 700 * time.Millisecond, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var left, lag time.Duration
				tr := &onSchedule{
					ctx:  t.Context(),
					book: newLedger(schedule{start: time.Now(), rate: 10}, 10, time.Second, func(reason, time.Duration) {}),
					sent: func(d time.Duration) { lag = d },
					next: roundTrip(func(r *http.Request) (*http.Response, error) {
						deadline, _ := r.Context().Deadline()
						left = time.Until(deadline)
						return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
					}),
				}
				time.Sleep(tt.late)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://probe.test", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set(seqHeader, tt.seq)
				resp, err := tr.RoundTrip(req)
				if !errors.Is(err, tt.wantErr) {
					t.Fatalf("RoundTrip: %v, want %v", err, tt.wantErr)
				}
				if err == nil {
					_ = resp.Body.Close()
				}
				if tt.seq == "0" && (left != tt.left || lag != tt.late) {
					t.Errorf("time left %s, lag %s; want %s, %s", left, lag, tt.left, tt.late)
				}
				if tt.seq == "7" && lag != 300*time.Millisecond {
					t.Errorf("lag %s, want 300ms", lag)
				}
			})
		})
	}
}
