package local

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"golang.org/x/time/rate"
)

// toxicPath is the name of the only toxic in use in Toxiproxy's registry.
const toxicPath = "ballast_path"

// registerToxics makes the toxic known to Toxiproxy, whose registry is global. It
// may be called again.
func registerToxics() { toxics.Register(toxicPath, new(pathToxic)) }

// flushTimeout bounds how long an interrupted toxic tries to hand on the data
// that it holds.
const flushTimeout = 2 * time.Second

// rto is TCP's initial retransmission timeout on Linux once a connection has
// seen a round trip: its lower bound, as loopback's are short.
const rto = 200 * time.Millisecond

// effect is what one part of a fault does to one direction of a path.
type effect struct {
	name   string
	stream string // upstream or downstream

	// hole swallows everything, the end of the stream too: nobody hears of a peer
	// that hangs up behind it. A connection that has lost data must be closed when
	// the effect ends, or its stream would go on with a hole.
	hole bool
	// loss is the probability of each transmission's loss, in [0, 1).
	loss            float64
	latency, jitter time.Duration
	// bucket is shared by all connections of the direction, as tc's is the
	// interface's; nil: no limit.
	bucket *rate.Limiter
}

// pathToxic does all that faults do to one direction of a path, for every
// connection on it. It is in the chain from the beginning, and what changes are its
// conditions: Toxiproxy does not survive a chain that changes while one of its
// links is ending. The zero value does nothing.
type pathToxic struct {
	now atomic.Pointer[conditions]
	// joining is the link that is being started. Whoever starts one sets it, and
	// links are started one at a time.
	joining *link
}

// NewState makes the link known to its own stub, by which the toxic sees it.
func (t *pathToxic) NewState() any { return t.joining }

// deadOf is closed when nobody is left to take what comes through the stub: its
// data must not take from the limit of others.
func deadOf(stub *toxics.ToxicStub) <-chan struct{} {
	if l, ok := stub.State.(*link); ok && l != nil {
		return l.dead
	}
	return nil
}

// conditions are the effects at one time.
type conditions struct {
	effects []effect
	changed chan struct{} // closed when others hold
}

func (t *pathToxic) conditions() *conditions {
	if t.now.Load() == nil {
		t.now.CompareAndSwap(nil, &conditions{changed: make(chan struct{})})
	}
	return t.now.Load()
}

// set replaces the effects. Its callers take turns.
func (t *pathToxic) set(effects []effect) {
	before := t.conditions()
	t.now.Store(&conditions{effects: effects, changed: make(chan struct{})})
	close(before.changed)
}

// GetBufferSize lets data queue behind a chunk that is held, as in a socket's buffer.
func (t *pathToxic) GetBufferSize() int { return 1024 }

// Pipe passes chunks on until the link is closed or interrupted. Data of one
// connection stay in order, so what follows waits behind what is held.
func (t *pathToxic) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				if t.awaitPassage(stub) {
					stub.Close()
				}
				return
			}
			if !t.carry(stub, c) {
				return
			}
		}
	}
}

// awaitPassage blocks while a hole swallows the end of a stream that somebody would
// hear of; false: it was interrupted.
func (t *pathToxic) awaitPassage(stub *toxics.ToxicStub) bool {
	for {
		now := t.conditions()
		if !now.hole() {
			return true
		}
		select {
		case <-now.changed:
		case <-deadOf(stub):
			return true
		case <-stub.Interrupt:
			return false
		}
	}
}

// carry passes one chunk on when its time has come, or swallows it: in a hole, and
// on a link that nobody listens to. When the
// conditions change meanwhile, the new ones decide. On an interrupt it passes on at
// once what it holds and returns false: the toxic must return.
func (t *pathToxic) carry(stub *toxics.ToxicStub, c *stream.StreamChunk) bool {
	for {
		now := t.conditions()
		if now.hole() {
			return true
		}
		rest, done := now.pass(stub, c)
		if rest == nil {
			return done
		}
		c = rest
	}
}

// pass sends a chunk under these conditions. It returns what is left when they
// change, else nil and whether the link goes on.
func (now *conditions) pass(stub *toxics.ToxicStub, c *stream.StreamChunk) (rest *stream.StreamChunk, goesOn bool) {
	due := c.Timestamp.Add(now.late(rand.Float64))
	switch now.wait(stub, time.Until(due)) {
	case timeIsUp:
	case conditionsChanged:
		return c, true
	case nobodyLeft:
		return nil, true
	case interrupted:
		flush(stub, c)
		return nil, false
	}
	for len(c.Data) > 0 {
		n, delay, giveBack := now.reserve(len(c.Data))
		switch now.wait(stub, delay) {
		case timeIsUp:
		case conditionsChanged:
			giveBack()
			return c, true
		case nobodyLeft:
			giveBack()
			return nil, true
		case interrupted:
			flush(stub, c)
			return nil, false
		}
		select {
		case stub.Output <- &stream.StreamChunk{Data: c.Data[:n], Timestamp: c.Timestamp}:
		case <-stub.Interrupt:
			flush(stub, c)
			return nil, false
		}
		c = &stream.StreamChunk{Data: c.Data[n:], Timestamp: c.Timestamp}
	}
	return nil, true
}

func (now *conditions) hole() bool {
	return slices.ContainsFunc(now.effects, func(e effect) bool { return e.hole })
}

// late is by how much a chunk comes later than it was sent.
func (now *conditions) late(random func() float64) time.Duration {
	var late time.Duration
	for _, e := range now.effects {
		if e.loss > 0 {
			late += retransmission(e.loss, random)
		}
		late += max(0, e.latency+time.Duration((2*random()-1)*float64(e.jitter)))
	}
	return late
}

// reserve takes from every bucket what the next piece of so many bytes needs. It
// returns the size of the piece, how long it must wait, and how to give it back.
func (now *conditions) reserve(bytes int) (piece int, delay time.Duration, giveBack func()) {
	piece = bytes
	for _, e := range now.effects {
		if e.bucket != nil {
			// A tenth of a second's worth, so that connections take turns.
			piece = min(piece, max(1, min(e.bucket.Burst(), int(float64(e.bucket.Limit())/10))))
		}
	}
	var taken []*rate.Reservation
	for _, e := range now.effects {
		if e.bucket != nil {
			r := e.bucket.ReserveN(time.Now(), piece)
			taken, delay = append(taken, r), max(delay, r.Delay())
		}
	}
	return piece, delay, func() {
		for _, r := range taken {
			r.Cancel()
		}
	}
}

type waited int

const (
	timeIsUp waited = iota
	conditionsChanged
	nobodyLeft
	interrupted
)

func (now *conditions) wait(stub *toxics.ToxicStub, d time.Duration) waited {
	if d <= 0 {
		return timeIsUp
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return timeIsUp
	case <-now.changed:
		return conditionsChanged
	case <-deadOf(stub):
		return nobodyLeft
	case <-stub.Interrupt:
		return interrupted
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

// flush hands on a chunk that an interrupted toxic holds. When nobody takes it,
// the connection is stuck anyway, and its owner closes it.
func flush(stub *toxics.ToxicStub, c *stream.StreamChunk) {
	_ = stub.WriteOutput(c, flushTimeout)
}
