package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Snapshot is the body of /api/v1/snapshot: all readings at one moment.
type Snapshot struct {
	// Readings are those that there are, by collector.
	Readings map[sample.Name]Reading `json:"readings"`
	// Missing are the collectors without a reading.
	Missing []MissingReading `json:"missing,omitempty"`
}

// MissingReading is a collector that gave no reading yet, and why.
type MissingReading struct {
	Collector sample.Name  `json:"collector"`
	State     sample.State `json:"state"`
	Error     string       `json:"error,omitempty"`
	// Peer is the URL of the monitor that should have it, if it is another.
	Peer string `json:"peer,omitempty"`
}

// wholeEncoding is a whole snapshot, encoded.
type wholeEncoding struct {
	of   *sample.Snapshot
	body *body
	// readings is how many there are.
	readings int
}

// newest returns what encodes the newest snapshot, once for all who ask.
func (a *API) newest() func() (*wholeEncoding, error) {
	var last atomic.Pointer[wholeEncoding]
	return func() (*wholeEncoding, error) {
		s := a.cfg.Snapshot()
		if e := last.Load(); e != nil && e.of == s {
			return e, nil
		}
		e, err := a.encodeWhole(s)
		if err != nil {
			return nil, err
		}
		last.Store(e)
		return e, nil
	}
}

// whole returns the handler of the whole snapshot.
func (a *API) whole(newest func() (*wholeEncoding, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		e, err := newest()
		if err != nil {
			a.notEncoded(c, "snapshot", err)
			return
		}
		if e.readings == 0 {
			c.Header("Retry-After", "1")
			problem(c, http.StatusServiceUnavailable, "no collector gave a reading yet; /api/v1 says why")
			return
		}
		a.answer(c, e.body)
	}
}

// encodeWhole puts the parts together, which are encoded for their own routes
// too.
func (a *API) encodeWhole(s *sample.Snapshot) (*wholeEncoding, error) {
	e := &wholeEncoding{of: s}
	var missing []MissingReading
	var b bytes.Buffer
	b.WriteString(`{"readings":{`)
	for _, p := range a.parts {
		part, err := p.encoded(s)
		if err != nil {
			return nil, err
		}
		if part.body == nil {
			m := MissingReading{Collector: p.name, State: part.status.State()}
			if part.status.Err != nil {
				m.Error = part.status.Err.Error()
			}
			missing = append(missing, m)
			continue
		}
		if e.readings++; e.readings > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + string(p.name) + `":`)
		b.Write(part.body.plain)
	}
	b.WriteByte('}')
	if missing != nil {
		list, err := json.Marshal(missing)
		if err != nil {
			return nil, err
		}
		b.WriteString(`,"missing":`)
		b.Write(list)
	}
	b.WriteByte('}')
	e.body = newBody(b.Bytes())
	return e, nil
}
