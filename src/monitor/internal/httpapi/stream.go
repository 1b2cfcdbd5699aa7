package httpapi

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// maxStreams is how many clients may listen at the same time.
	maxStreams = 512
	// heartbeat is after how long without an event a comment is sent, by
	// which both sides find out that the other one is gone.
	heartbeat = 15 * time.Second
	// streamWriteTime is how long a client may take for one event.
	streamWriteTime = 5 * time.Second
)

// stream sends the whole snapshot to every client at every interval. A client
// is never waited for: it has one place in a write of its own, and what it
// misses while it reads slowly is not sent later.
//
//	snapshot ──► frame, encoded once an interval ──► each client's own write
type stream struct {
	interval time.Duration
	frame    func() (*wholeEncoding, error)
	slots    chan struct{}
	drained  chan struct{} // closed when draining begins
	patience time.Duration

	mu     sync.Mutex
	tick   int64 // of the newest event
	newest *event
}

// event is a snapshot as it is sent.
type event struct {
	of    *wholeEncoding
	bytes []byte
}

func newStream(interval time.Duration, frame func() (*wholeEncoding, error)) *stream {
	return &stream{interval: interval, frame: frame, slots: make(chan struct{}, maxStreams), drained: make(chan struct{}), patience: streamWriteTime}
}

// sending returns another stream, of other frames, that shares the places and
// the end of this one.
func (s *stream) sending(frame func() (*wholeEncoding, error)) *stream {
	return &stream{interval: s.interval, frame: frame, slots: s.slots, drained: s.drained, patience: s.patience}
}

// at returns the event of an interval, which whoever comes first encodes; nil
// while there is no reading.
func (s *stream) at(tick int64) (*event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil && s.tick >= tick {
		return s.newest, nil
	}
	whole, err := s.frame()
	if err != nil || whole.readings == 0 {
		return nil, err
	}
	s.tick = tick
	if s.newest != nil && s.newest.of == whole {
		return s.newest, nil
	}
	var b bytes.Buffer
	b.WriteString("event: snapshot\nid: " + strconv.FormatInt(tick, 10) + "\ndata: ")
	b.Write(whole.body.plain) // JSON on one line
	b.WriteString("\n\n")
	s.newest = &event{of: whole, bytes: b.Bytes()}
	return s.newest, nil
}

// serve is the handler of /api/v1/stream. It blocks until the client is gone,
// does not read, or draining begins.
func (s *stream) serve(a *API) gin.HandlerFunc {
	return func(c *gin.Context) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			c.Header("Retry-After", "5")
			problem(c, http.StatusServiceUnavailable, "too many clients listen: there may be "+strconv.Itoa(maxStreams))
			return
		}
		select {
		case <-s.drained:
			problem(c, http.StatusServiceUnavailable, "draining: this process is about to end")
			return
		default:
		}
		h := c.Writer.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("X-Accel-Buffering", "no") // some proxies would collect events
		if c.Request.Method == http.MethodHead {
			return
		}
		control := http.NewResponseController(c.Writer)
		// The server's time for a whole request would end the stream.
		_ = control.SetReadDeadline(time.Time{})
		send := func(b []byte) bool {
			_ = control.SetWriteDeadline(time.Now().Add(s.patience))
			_, err := c.Writer.Write(b)
			return err == nil && control.Flush() == nil
		}
		s.follow(a, c, send)
	}
}

func (s *stream) follow(a *API, c *gin.Context, send func([]byte) bool) {
	if !send([]byte("retry: 2000\n\n")) {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var sent *event
	last := time.Now()
	for {
		select {
		case <-c.Request.Context().Done():
			return
		case <-s.drained:
			send([]byte("event: end\ndata: {\"reason\":\"draining\"}\n\n"))
			return
		case <-timer.C:
		}
		now := time.Now()
		tick := now.UnixNano() / int64(s.interval)
		next, err := s.at(tick)
		if err != nil {
			a.cfg.Logger.ErrorContext(c.Request.Context(), "cannot encode a snapshot", "error", err)
		}
		switch {
		case next != nil && next != sent:
			if !send(next.bytes) {
				return
			}
			sent, last = next, now
		case now.Sub(last) >= heartbeat:
			if !send([]byte(": heartbeat\n\n")) {
				return
			}
			last = now
		}
		// All clients wake at the same moments, so that they share events.
		due := time.Unix(0, (time.Now().UnixNano()/int64(s.interval)+1)*int64(s.interval))
		timer.Reset(min(time.Until(due), heartbeat))
	}
}
