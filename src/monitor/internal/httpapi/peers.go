package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Peer is the reading of another monitor.
type Peer struct {
	Collector sample.Name
	// URL is that of the monitor.
	URL string
	// Reading is its last one, a JSON object in the form of a Reading; nil
	// before the first.
	Reading []byte
	// Err is why the monitor cannot be heard now.
	Err error
}

// withPeers returns what encodes the newest snapshot together with what peers
// said last, once for all who ask. Without peers it is own.
func (a *API) withPeers(own func() (*wholeEncoding, error)) func() (*wholeEncoding, error) {
	if a.cfg.Peers == nil {
		return own
	}
	var mu sync.Mutex
	var last *wholeEncoding
	var of *wholeEncoding
	var number uint64
	return func() (*wholeEncoding, error) {
		whole, err := own()
		if err != nil {
			return nil, err
		}
		peers, changes := a.cfg.Peers()
		mu.Lock()
		defer mu.Unlock()
		if last != nil && of == whole && number == changes {
			return last, nil
		}
		joined, err := join(whole, peers)
		if err != nil {
			return nil, fmt.Errorf("encode what peers said: %w", err)
		}
		last, of, number = joined, whole, changes
		return last, nil
	}
}

// join puts the readings of peers beside the own ones. The reading of a peer
// that cannot be heard is stale.
func join(whole *wholeEncoding, peers []Peer) (*wholeEncoding, error) {
	var s struct {
		Readings map[sample.Name]json.RawMessage `json:"readings"`
		Missing  []MissingReading                `json:"missing,omitempty"`
	}
	if err := json.Unmarshal(whole.body.plain, &s); err != nil {
		return nil, err
	}
	for _, p := range peers {
		if s.Readings[p.Collector] != nil {
			continue // the own one is nearer
		}
		if p.Reading == nil {
			m := MissingReading{Collector: p.Collector, State: sample.Starting, Peer: p.URL}
			if p.Err != nil {
				m.State, m.Error = sample.Failed, "the monitor cannot be heard: "+p.Err.Error()
			}
			s.Missing = append(s.Missing, m)
			continue
		}
		reading, err := foreign(p)
		if err != nil {
			return nil, err
		}
		s.Readings[p.Collector] = reading
	}
	// In the usual order, as the own ones are.
	var b bytes.Buffer
	b.WriteString(`{"readings":{`)
	order := sample.Names()
	for i, name := range slices.SortedFunc(maps.Keys(s.Readings), func(x, y sample.Name) int { return slices.Index(order, x) - slices.Index(order, y) }) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + string(name) + `":`)
		b.Write(s.Readings[name])
	}
	b.WriteByte('}')
	if s.Missing != nil {
		missing, err := json.Marshal(s.Missing)
		if err != nil {
			return nil, err
		}
		b.WriteString(`,"missing":`)
		b.Write(missing)
	}
	b.WriteByte('}')
	return &wholeEncoding{of: whole.of, body: newBody(b.Bytes()), readings: len(s.Readings)}, nil
}

// foreign returns a peer's reading with where it is from, and whether it is
// still so, on one line.
func foreign(p Peer) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(p.Reading, &fields); err != nil {
		return nil, err
	}
	set := func(name string, value any) {
		encoded, err := json.Marshal(value)
		if err == nil { // strings and truths always encode
			fields[name] = encoded
		}
	}
	set("peer", p.URL)
	if p.Err != nil {
		set("state", sample.Stale)
		set("stale", true)
		set("error", "the monitor cannot be heard: "+p.Err.Error())
	}
	return json.Marshal(fields)
}

// including returns the handler of one of two, by the parameter peers.
func including(own, all gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		given, ok := parameters(c, "peers")
		switch {
		case !ok:
		case len(given) == 0:
			own(c)
		case given["peers"] == "include":
			all(c)
		default:
			badParameter(c, "peers", "write include, or leave it out")
		}
	}
}
