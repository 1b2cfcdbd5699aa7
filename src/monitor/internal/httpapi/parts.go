package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

const jsonType = "application/json; charset=utf-8"

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
	default:
		return nil, false
	}
}

// encoding is one snapshot's part, encoded. Snapshots are immutable, so it
// is good for as long as the snapshot is the newest.
type encoding struct {
	of     *sample.Snapshot
	status sample.Status
	body   []byte
}

// part returns the handler of one collector's reading. It encodes once per
// snapshot, not once per request. Two requests that meet a new snapshot at
// the same time may both encode it; either result is right.
func (a *API) part(name sample.Name) gin.HandlerFunc {
	pick, _ := partOf(name) // New has checked it
	var last atomic.Pointer[encoding]
	return func(c *gin.Context) {
		s := a.cfg.Snapshot()
		e := last.Load()
		if e == nil || e.of != s {
			var err error
			if e, err = encode(s, name, pick); err != nil {
				a.cfg.Logger.ErrorContext(c.Request.Context(), "cannot encode a reading",
					slog.String("collector", string(name)), slog.Any("error", err))
				problem(c, http.StatusInternalServerError, "the "+string(name)+" reading cannot be encoded; the log says why")
				return
			}
			last.Store(e)
		}
		age, ok := e.status.Age(time.Now())
		if !ok {
			c.Header("Retry-After", "1")
			problem(c, http.StatusServiceUnavailable, noReading(e.status))
			return
		}
		c.Header("Age", strconv.Itoa(int(age.Seconds())))
		c.Data(http.StatusOK, jsonType, e.body)
	}
}

func encode(s *sample.Snapshot, name sample.Name, pick func(*sample.Snapshot) any) (*encoding, error) {
	st, _ := s.Status(name)
	e := &encoding{of: s, status: st}
	if !st.Ready() {
		return e, nil
	}
	r := Reading{Collector: name, SampledAt: st.SampledAt, State: st.State(), Stale: st.Stale(), Unreadable: st.Problems, Scopes: st.Scopes, Data: pick(s)}
	if st.Err != nil {
		r.Error = st.Err.Error()
	}
	var err error
	e.body, err = json.Marshal(r)
	return e, err
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
