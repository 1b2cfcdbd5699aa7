package local

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"golang.org/x/time/rate"
)

// The toxics that Toxiproxy does not have, or not as they are needed here. Their
// names are those of its registry; latency is its own.
const (
	toxicLatency   = "latency"
	toxicLoss      = "ballast_loss"
	toxicBlackhole = "ballast_blackhole"
	toxicBandwidth = "ballast_bandwidth"
)

// registerToxics makes the toxics known to Toxiproxy, whose registry is global.
// It may be called again.
func registerToxics() {
	toxics.Register(toxicLoss, new(lossToxic))
	toxics.Register(toxicBlackhole, new(blackholeToxic))
	toxics.Register(toxicBandwidth, new(bandwidthToxic))
}

// flushTimeout bounds how long an interrupted toxic tries to hand on the data
// that it holds.
const flushTimeout = 2 * time.Second

// rto is TCP's initial retransmission timeout on Linux once a connection has
// seen a round trip: its lower bound, as loopback's are short.
const rto = 200 * time.Millisecond

// lossToxic delays a chunk as the loss of its packet would: until it is sent
// again. Data of one connection stay in order, so what follows waits behind it.
type lossToxic struct {
	// Probability of one transmission's loss, in [0, 1).
	Probability float64 `json:"probability"`
}

// GetBufferSize lets data queue behind a lost chunk, as in a socket's buffer.
func (t *lossToxic) GetBufferSize() int { return 1024 }

// Pipe passes chunks on until the link is closed or interrupted.
func (t *lossToxic) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			if !hold(stub, c, time.Until(c.Timestamp.Add(retransmission(t.Probability, rand.Float64)))) {
				return
			}
		}
	}
}

// retransmission is how long a packet is late when each transmission is lost
// with probability p: the timeout doubles with each loss in a row. TCP gives up
// much later than any client of this fleet does.
func retransmission(p float64, random func() float64) time.Duration {
	var late time.Duration
	for wait := rto; random() < p && late < time.Minute; wait *= 2 {
		late += wait
	}
	return late
}

// hold passes c on after the time given. On an interrupt it passes c on at once
// and returns false: the toxic must return.
func hold(stub *toxics.ToxicStub, c *stream.StreamChunk, d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stub.Interrupt:
			flush(stub, c)
			return false
		}
	}
	select {
	case stub.Output <- c:
		return true
	case <-stub.Interrupt:
		flush(stub, c)
		return false
	}
}

// flush hands on a chunk that an interrupted toxic holds. When nobody takes it,
// the connection is stuck anyway, and its owner closes it.
func flush(stub *toxics.ToxicStub, c *stream.StreamChunk) {
	_ = stub.WriteOutput(c, flushTimeout)
}

// blackholeToxic swallows everything, the end of the stream too: nobody hears of
// a peer that hangs up behind it. A connection that has lost data must be closed
// when the toxic is removed, or its stream would go on with a hole.
type blackholeToxic struct{}

// Pipe drops chunks until it is interrupted. The link's end is then for
// Toxiproxy to find.
func (t *blackholeToxic) Pipe(stub *toxics.ToxicStub) {
	input := stub.Input
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-input:
			if c == nil {
				input = nil // closed: it would be ready for ever
			}
		}
	}
}

// bandwidthToxic is a token bucket that all connections of one direction share,
// as tc's is the interface's. (Toxiproxy's own limits each connection.)
type bandwidthToxic struct {
	Rate  float64 `json:"rate"`  // bytes per second
	Burst int     `json:"burst"` // bytes; at least 1

	once   sync.Once
	bucket *rate.Limiter
}

// Pipe passes bytes on as the bucket allows until the link is closed or interrupted.
func (t *bandwidthToxic) Pipe(stub *toxics.ToxicStub) {
	t.once.Do(func() { t.bucket = rate.NewLimiter(rate.Limit(t.Rate), t.Burst) })
	// A piece is a tenth of a second's worth, so that connections take turns.
	piece := max(1, min(t.Burst, int(t.Rate/10)))
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			for len(c.Data) > 0 {
				n := min(piece, len(c.Data))
				r := t.bucket.ReserveN(time.Now(), n)
				part := &stream.StreamChunk{Data: c.Data[:n], Timestamp: c.Timestamp}
				rest := &stream.StreamChunk{Data: c.Data[n:], Timestamp: c.Timestamp}
				if !hold(stub, part, r.Delay()) {
					if len(rest.Data) > 0 {
						flush(stub, rest)
					}
					return
				}
				c = rest
			}
		}
	}
}
