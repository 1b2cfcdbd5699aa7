package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listening runs what listens to a server until the test is over.
func listening(t *testing.T, log *slog.Logger, address string) *Peers {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := New([]Peer{{"cpu", at}}, log)
	p.pause = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// eventually waits until a peer is in a state.
func eventually(t *testing.T, p *Peers, what string, is func(State) bool) State {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		states, _ := p.Latest()
		if is(states[0]) {
			return states[0]
		}
		if time.Now().After(end) {
			t.Fatalf("never: %s; %+v", what, states[0])
		}
	}
}

func TestAPeersReadingIsKeptAndItsEndIsSaid(t *testing.T) {
	var turn atomic.Int32
	next := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/below/api/v1/stream" {
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprintf(w, "retry: 2000\n\nevent: snapshot\nid: 1\ndata: {\"readings\":{\"cpu\":{\"turn\":%d},\"memory\":{}}}\n\n: heartbeat\n\n", turn.Add(1))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		select {
		case <-next:
			fmt.Fprint(w, "event: end\ndata: {\"reason\":\"draining\"}\n\n")
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	var logs bytes.Buffer
	p := listening(t, slog.New(slog.NewJSONHandler(&logs, nil)), server.URL+"/below")
	got := eventually(t, p, "the first reading", func(s State) bool { return s.Err == nil })
	if string(got.Reading) != `{"turn":1}` {
		t.Errorf("reading %s", got.Reading)
	}
	_, before := p.Latest()
	next <- struct{}{}
	eventually(t, p, "the second reading", func(s State) bool { return s.Err == nil && string(s.Reading) == `{"turn":2}` })
	if _, now := p.Latest(); now == before {
		t.Error("the change has no number of its own")
	}
	server.CloseClientConnections()
	server.Listener.Close()
	last := eventually(t, p, "it cannot be heard", func(s State) bool { return s.Err != nil && strings.Contains(s.Err.Error(), "refused") })
	if last.Reading == nil {
		t.Error("the last reading went with the peer")
	}
}

func TestWhatIsNoPeerIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		status     int
		kind, body string
		want       string
	}{
		"it drains":                 {503, "application/problem+json", "{}", "503 Service Unavailable"},
		"it leads elsewhere":        {302, "text/event-stream", "", "302 Found"},
		"it is no stream":           {200, "text/html", "<html>", `"text/html", instead of a stream`},
		"it ends":                   {200, "text/event-stream", ": hello\n\n", "its stream ended"},
		"it does not collect that":  {200, "text/event-stream", "event: snapshot\ndata: {\"readings\":{\"memory\":{}}}\n\n", "its stream ended"},
		"its snapshot is none":      {200, "text/event-stream", "event: snapshot\ndata: {\n\n", "its stream ended"},
		"its line is far too large": {200, "text/event-stream", "data: " + strings.Repeat("x", maxEvent+1), "token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			p := listening(t, slog.New(slog.DiscardHandler), server.URL)
			if got := eventually(t, p, tc.want, func(s State) bool { return s.Err != nil && strings.Contains(s.Err.Error(), tc.want) }); got.Reading != nil {
				t.Errorf("reading %s", got.Reading)
			}
		})
	}
}

func TestAReadingIsTakenFromASnapshot(t *testing.T) {
	for name, tc := range map[string]struct{ snapshot, reading, problem string }{
		"it is there":     {`{"readings":{"cpu":{"a":1},"disk":{}}}`, `{"a":1}`, ""},
		"it is missing":   {`{"readings":{},"missing":[{"collector":"cpu","error":"no answer"}]}`, "", "it has no reading of cpu: no answer"},
		"it is another's": {`{"readings":{"disk":{}}}`, "", "it does not collect cpu"},
		"it is no object": {`{"readings":{"cpu":[1]}}`, "", "its reading of cpu is not an object"},
		"it is nothing":   {`{"readings":{"cpu":null}}`, "", "its reading of cpu is not an object"},
		"it is no JSON":   {`{"readings":`, "", "its snapshot cannot be read: unexpected end of JSON input"},
		"it is a list":    {`[]`, "", "its snapshot cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readingIn([]byte(tc.snapshot), "cpu")
			if string(got) != tc.reading || (err == nil) != (tc.problem == "") || err != nil && !strings.HasPrefix(err.Error(), tc.problem) {
				t.Errorf("reading %s, %v", got, err)
			}
		})
	}
}

func FuzzReadingIn(f *testing.F) {
	f.Add([]byte(`{"readings":{"cpu":{"a":1}}}`))
	f.Add([]byte(`{"missing":[{"collector":"cpu"}]}`))
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		if got, err := readingIn(snapshot, "cpu"); err == nil && !json.Valid(got) {
			t.Errorf("%q", got)
		}
	})
}
