// Package peers listens to the streams of other monitors in the background
// and keeps what they said last, so that one page can show services that run
// apart. Nothing that is asked of this monitor waits for another.
package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// silence is after how long without a word a peer is taken for gone: it
	// sends a comment every 15 s.
	silence = 40 * time.Second
	// again is the time between two attempts to reach a peer.
	again = 2 * time.Second
	// maxEvent is how large an event may be, in bytes.
	maxEvent = 16 << 20
)

// Peer is a monitor that has what this one does not collect.
type Peer struct {
	// Collector is the reading that is taken from it.
	Collector string
	// URL is that of the monitor.
	URL *url.URL
}

// State is what is known of a peer's reading.
type State struct {
	Peer
	// Reading is the last one, in the form of /api/v1/{collector}; nil
	// before the first.
	Reading json.RawMessage
	// Err is why the peer cannot be heard now; nil while it can.
	Err error
}

// Peers keeps what peers say.
type Peers struct {
	log    *slog.Logger
	client *http.Client
	pause  time.Duration

	mu      sync.Mutex
	states  []State
	changes uint64
}

// New returns what listens to nobody until Run.
func New(list []Peer, log *slog.Logger) *Peers {
	p := &Peers{log: log, pause: again, client: &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second,
			DisableKeepAlives:     true,
		},
		// Whom to trust was said; another address was not.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, peer := range list {
		p.states = append(p.states, State{Peer: peer, Err: errors.New("it was not heard yet")})
	}
	return p
}

// Latest returns what is known, in the order of New, and a number that is
// another one whenever that has changed. It does not block.
func (p *Peers) Latest() ([]State, uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]State(nil), p.states...), p.changes
}

// Run listens to every peer until ctx ends, and returns when nobody listens
// any more.
func (p *Peers) Run(ctx context.Context) {
	var listeners sync.WaitGroup
	for i := range p.states {
		listeners.Go(func() { p.listen(ctx, i) })
	}
	listeners.Wait()
}

// listen follows one peer's stream again and again.
func (p *Peers) listen(ctx context.Context, i int) {
	for {
		err := p.follow(ctx, i)
		if ctx.Err() != nil {
			return
		}
		p.lost(ctx, i, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.pause):
		}
	}
}

func (p *Peers) lost(ctx context.Context, i int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.states[i]
	if s.Err == nil || s.Reading == nil && s.Err.Error() != err.Error() {
		p.log.WarnContext(ctx, "a peer cannot be heard", slog.String("collector", s.Collector), slog.String("url", s.URL.String()), slog.Any("error", err))
	}
	s.Err = err
	p.changes++
}

func (p *Peers) heard(ctx context.Context, i int, reading json.RawMessage, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.states[i]
	if s.Err != nil && err == nil {
		p.log.InfoContext(ctx, "a peer is heard", slog.String("collector", s.Collector), slog.String("url", s.URL.String()))
	}
	s.Err = err
	if reading != nil {
		s.Reading = reading
	}
	p.changes++
}

// follow reads one stream until it ends, which it returns the reason of.
func (p *Peers) follow(ctx context.Context, i int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() { cancel(fmt.Errorf("it is silent for %s", silence)) })
	defer quiet.Stop()
	peer := p.states[i].Peer // never changed
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, peer.URL.JoinPath("api", "v1", "stream").String(), nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return reason(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		return fmt.Errorf("it answers %s, %q, instead of a stream", resp.Status, kind)
	}
	event := ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		quiet.Reset(silence)
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case event == "end":
			return errors.New("it is about to end")
		case event == "snapshot":
			reading, err := readingIn([]byte(data), peer.Collector)
			p.heard(ctx, i, reading, err)
		}
	}
	if err := lines.Err(); err != nil {
		return reason(ctx, err)
	}
	return errors.New("its stream ended")
}

// reason prefers why the request was given up to that it was, and leaves out
// the address, which stands beside it.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// readingIn returns one collector's reading of a snapshot; nil, with the
// reason, if there is none.
func readingIn(snapshot []byte, collector string) (json.RawMessage, error) {
	var s struct {
		Readings map[string]json.RawMessage `json:"readings"`
		Missing  []struct {
			Collector string `json:"collector"`
			Error     string `json:"error"`
		} `json:"missing"`
	}
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return nil, fmt.Errorf("its snapshot cannot be read: %w", err)
	}
	if reading, ok := s.Readings[collector]; ok {
		var object map[string]any
		if err := json.Unmarshal(reading, &object); err != nil || object == nil {
			return nil, fmt.Errorf("its reading of %s is not an object", collector)
		}
		return reading, nil
	}
	for _, m := range s.Missing {
		if m.Collector == collector {
			return nil, fmt.Errorf("it has no reading of %s: %s", collector, m.Error)
		}
	}
	return nil, fmt.Errorf("it does not collect %s", collector)
}
