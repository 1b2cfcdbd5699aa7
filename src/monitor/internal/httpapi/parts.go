package httpapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

const (
	jsonType = "application/json; charset=utf-8"
	htmlType = "text/html; charset=utf-8"
)

// Reading is the body of /api/v1/{collector}.
type Reading struct {
	Collector sample.Name `json:"collector"`
	// SampledAt is when the reading was finished. The Age header says how
	// many seconds ago that was.
	SampledAt time.Time    `json:"sampledAt"`
	State     sample.State `json:"state"`
	// Stale says that the last attempt failed, and that this is the last
	// good reading; Error says why.
	Stale bool   `json:"stale"`
	Error string `json:"error,omitempty"`
	// Unreadable names the files and mounts whose figures Data lacks, and
	// why; empty for a whole reading.
	Unreadable []sample.Problem `json:"unreadable,omitempty"`
	// Scopes say of which figures it is known whether they are those of the
	// host or of the container that the monitor is in.
	Scopes []sample.Scope `json:"scopes,omitempty"`
	// Peer is the URL of the monitor that the reading is from, if it is
	// another.
	Peer string `json:"peer,omitempty"`
	// Data is the part of the host that the collector reads.
	Data any `json:"data"`
}

// partOf returns the function that picks a collector's part of a snapshot.
func partOf(name sample.Name) (func(*sample.Snapshot) any, bool) {
	switch name {
	case sample.CPU:
		return func(s *sample.Snapshot) any { return s.CPU }, true
	case sample.Memory:
		return func(s *sample.Snapshot) any { return s.Memory }, true
	case sample.Disk:
		return func(s *sample.Snapshot) any { return s.Disk }, true
	case sample.Network:
		return func(s *sample.Snapshot) any { return s.Network }, true
	case sample.Cgroup:
		return func(s *sample.Snapshot) any { return s.Cgroup }, true
	case sample.System:
		return func(s *sample.Snapshot) any { return s.System }, true
	case sample.Processes:
		return func(s *sample.Snapshot) any { return s.Processes.Shown() }, true
	default:
		return nil, false
	}
}

// encoding is one snapshot's part, encoded. Snapshots are immutable, so it
// is good for as long as the snapshot is the newest.
type encoding struct {
	of     *sample.Snapshot
	status sample.Status
	// body is nil while there is no reading.
	body *body
}

// part is one collector's part of the newest snapshot.
type part struct {
	name sample.Name
	pick func(*sample.Snapshot) any
	last atomic.Pointer[encoding]
}

// encoded encodes once per snapshot, not once per request. Two requests that
// meet a new snapshot at the same time may both encode it; either result is
// right.
func (p *part) encoded(s *sample.Snapshot) (*encoding, error) {
	if e := p.last.Load(); e != nil && e.of == s {
		return e, nil
	}
	st, _ := s.Status(p.name)
	e := &encoding{of: s, status: st}
	if st.Ready() {
		encoded, err := json.Marshal(readingOf(st, p.pick(s)))
		if err != nil {
			return nil, fmt.Errorf("encode the %s reading: %w", p.name, err)
		}
		e.body = newBody(encoded)
	}
	p.last.Store(e)
	return e, nil
}

func readingOf(st sample.Status, data any) Reading {
	r := Reading{
		Collector: st.Name, SampledAt: st.SampledAt, State: st.State(), Stale: st.Stale(),
		Unreadable: st.Problems, Scopes: st.Scopes, Data: data,
	}
	if st.Err != nil {
		r.Error = st.Err.Error()
	}
	return r
}

// part returns the handler of one collector's reading, or of one item of it.
func (a *API) part(p *part) gin.HandlerFunc {
	items := itemsOf(p.name)
	return func(c *gin.Context) {
		given, ok := parameters(c, names(items)...)
		if !ok {
			return
		}
		s := a.cfg.Snapshot()
		e, err := p.encoded(s)
		if err != nil {
			a.notEncoded(c, p.name, err)
			return
		}
		age, ok := e.status.Age(time.Now())
		if !ok {
			c.Header("Retry-After", "1")
			problem(c, http.StatusServiceUnavailable, noReading(e.status))
			return
		}
		body := e.body
		if len(given) > 0 {
			item, found := narrowed(c, s, items, given)
			if !found {
				return
			}
			encoded, err := json.Marshal(readingOf(e.status, item))
			if err != nil {
				a.notEncoded(c, p.name, err)
				return
			}
			body = newBody(encoded)
		}
		c.Header("Age", strconv.Itoa(int(age.Seconds())))
		a.answer(c, body)
	}
}

func (a *API) notEncoded(c *gin.Context, name sample.Name, err error) {
	a.cfg.Logger.ErrorContext(c.Request.Context(), "cannot encode a reading",
		slog.String("collector", string(name)), slog.Any("error", err))
	problem(c, http.StatusInternalServerError, "the "+string(name)+" reading cannot be encoded; the log says why")
}

func noReading(st sample.Status) string {
	detail := "there is no " + string(st.Name) + " reading yet"
	if st.Unsupported {
		detail = "there will be no " + string(st.Name) + " reading"
	}
	if st.Err != nil {
		detail += ": " + st.Err.Error()
	}
	return detail
}
