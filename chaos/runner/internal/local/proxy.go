package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

const (
	proxyDialTimeout  = time.Second
	proxyWriteTimeout = 5 * time.Second // a peer that takes no data for so long is gone
)

// proxy is a pod's address. It accepts connections and links each through
// Toxiproxy's chain of toxics to the container, wherever that listens now. The
// accept loop is ours: Toxiproxy's own dials in it, so that one dead container
// blocks it, and gives up its port when the container moves.
type proxy struct {
	name     string
	listener net.Listener
	server   *toxiproxy.ApiServer
	toxics   *toxiproxy.ToxicCollection
	upstream atomic.Pointer[string] // the container's address; nil while there is none
	serial   atomic.Uint64
	buffers  bufferPool
	accept   chan struct{} // closed when the accept loop has ended

	mu       sync.Mutex // held while the chain changes, so that no connection starts meanwhile
	conns    map[*link]struct{}
	rejects  map[string]struct{} // who has connections reset
	holes    map[string]struct{} // toxics that lose data
	closed   bool
	stopping context.CancelFunc
	links    sync.WaitGroup
}

// link is one connection with both its ends.
type link struct {
	client, server *net.TCPConn
}

// reset ends both ends at once, without a polite goodbye.
func (l *link) reset() {
	for _, c := range []*net.TCPConn{l.client, l.server} {
		_ = c.SetLinger(0) // fails on a closed connection only
		_ = c.Close()
	}
}

// newProxy listens on a free loopback port. close ends it.
func newProxy(ctx context.Context, name string) (*proxy, error) {
	// Its toxics log through zerolog's global logger, which nobody configures.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	registerToxics()

	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("address of pod %s: %w", name, err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &proxy{
		name: name, listener: l, server: server,
		toxics:  toxiproxy.NewProxy(server, name, l.Addr().String(), "").Toxics,
		accept:  make(chan struct{}),
		conns:   map[*link]struct{}{},
		rejects: map[string]struct{}{}, holes: map[string]struct{}{},
		stopping: cancel,
	}
	go p.serve(ctx)
	return p, nil
}

// address is host:port, the same for the proxy's whole life.
func (p *proxy) address() string { return p.listener.Addr().String() }

// setUpstream points new connections to a container, or nowhere when it is empty.
func (p *proxy) setUpstream(address string) {
	if address == "" {
		p.upstream.Store(nil)
		return
	}
	p.upstream.Store(&address)
}

// serve accepts until the listener is closed; close waits for it.
func (p *proxy) serve(ctx context.Context) {
	defer close(p.accept)
	for {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say: it may pass
			select {
			case <-time.After(10 * time.Millisecond):
				continue
			case <-ctx.Done():
				return
			}
		}
		client, ok := c.(*net.TCPConn)
		if !ok {
			_ = c.Close()
			continue
		}
		p.links.Go(func() { p.connect(ctx, client) })
	}
}

// connect links one client to the container, or resets it when there is none: the
// nearest to a refusal that a listening port can do.
func (p *proxy) connect(ctx context.Context, client *net.TCPConn) {
	refuse := func() { _ = client.SetLinger(0); _ = client.Close() }
	upstream := p.upstream.Load()
	if upstream == nil {
		refuse()
		return
	}
	dialer := net.Dialer{Timeout: proxyDialTimeout}
	c, err := dialer.DialContext(ctx, "tcp", *upstream)
	if err != nil {
		refuse()
		return
	}
	server, ok := c.(*net.TCPConn)
	if !ok { // "tcp" gives no other
		_ = c.Close()
		refuse()
		return
	}
	l := &link{client: client, server: server}

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.rejects) > 0 {
		l.reset()
		return
	}
	p.conns[l] = struct{}{}
	p.links.Add(2)
	var open atomic.Int32
	open.Store(2)
	ended := func() {
		l.client.Close() //nolint:errcheck // may be closed already
		l.server.Close() //nolint:errcheck // may be closed already
		if open.Add(-1) == 0 {
			p.mu.Lock()
			delete(p.conns, l)
			p.mu.Unlock()
		}
		p.links.Done()
	}
	id := strconv.FormatUint(p.serial.Add(1), 10)
	p.toxics.StartLink(p.server, id+"-up", source{l.client, &p.buffers}, &sink{link: l, conn: l.server, ended: ended, buffers: &p.buffers}, stream.Upstream)
	p.toxics.StartLink(p.server, id+"-down", source{l.server, &p.buffers}, &sink{link: l, conn: l.client, ended: ended, buffers: &p.buffers}, stream.Downstream)
}

// source is the beginning of one direction. Toxiproxy would take a buffer of
// 32 KiB for each end of each connection; these are lent.
type source struct {
	conn    *net.TCPConn
	buffers *bufferPool
}

// Read reads from the connection.
func (s source) Read(b []byte) (int, error) { return s.conn.Read(b) }

// WriteTo copies until the connection ends.
func (s source) WriteTo(w io.Writer) (int64, error) { return s.buffers.copy(w, s.conn) }

// sink is the end of one direction. It never fails: Toxiproxy leaves a link whose
// writer has failed standing, with its toxics blocked for ever. After a failure
// it swallows the rest and closes the connection, so that the end comes in order.
type sink struct {
	link   *link
	conn   *net.TCPConn
	ended  func()
	once   sync.Once
	failed bool

	buffers *bufferPool
}

// ReadFrom copies until the link ends.
func (s *sink) ReadFrom(r io.Reader) (int64, error) { return s.buffers.copy(s, r) }

// Write sends, or swallows once sending has failed.
func (s *sink) Write(b []byte) (int, error) {
	if s.failed {
		return len(b), nil
	}
	err := s.conn.SetWriteDeadline(time.Now().Add(proxyWriteTimeout))
	if err == nil {
		_, err = s.conn.Write(b)
	}
	if err != nil {
		s.failed = true
		s.link.reset()
	}
	return len(b), nil
}

// Close is called once by the link, at its end. It must not block on the proxy:
// whoever changes the chain holds the lock and waits for links.
func (s *sink) Close() error {
	s.once.Do(func() { go s.ended() })
	return nil
}

var (
	_ io.WriterTo   = source{}
	_ io.ReaderFrom = (*sink)(nil)
)

// toxic is one entry of a chain as Toxiproxy reads it.
type toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Toxicity   float32        `json:"toxicity"`
	Attributes map[string]any `json:"attributes"`
}

// add puts a toxic at the end of the chain, for connections that are open, too.
func (p *proxy) add(t toxic) error {
	t.Toxicity = 1
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("toxic %s of pod %s: %w", t.Name, p.name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("toxic %s: pod %s is gone", t.Name, p.name)
	}
	if _, err := p.toxics.AddToxicJson(bytes.NewReader(body)); err != nil {
		return fmt.Errorf("toxic %s of pod %s: %w", t.Name, p.name, err)
	}
	if t.Type == toxicBlackhole {
		p.holes[t.Name] = struct{}{}
	}
	return nil
}

// remove takes a toxic out of the chain; that it is not there is no error.
func (p *proxy) remove(ctx context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.holes[name]; ok {
		// Their streams have holes: they cannot go on.
		for l := range p.conns {
			l.reset()
		}
		delete(p.holes, name)
	}
	if err := p.toxics.RemoveToxic(ctx, name); err != nil && !errors.Is(err, toxiproxy.ErrToxicNotFound) {
		return fmt.Errorf("toxic %s of pod %s: %w", name, p.name, err)
	}
	return nil
}

// reject resets open connections, and new ones until accepts is called with the
// same key.
func (p *proxy) reject(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rejects[key] = struct{}{}
	for l := range p.conns {
		l.reset()
	}
}

// accepts undoes reject.
func (p *proxy) accepts(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rejects, key)
}

// active names what acts on the proxy: toxics and rejections.
func (p *proxy) active() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for key := range p.rejects {
		names = append(names, key)
	}
	for _, t := range p.toxics.GetToxicArray() {
		if w, ok := t.(*toxics.ToxicWrapper); ok {
			names = append(names, w.Name)
		}
	}
	return names
}

// close frees the port, resets all connections and waits until each has ended.
func (p *proxy) close() error {
	err := p.listener.Close()
	p.stopping()
	<-p.accept
	p.mu.Lock()
	p.closed = true
	for l := range p.conns {
		l.reset()
	}
	// Without its toxics a link ends at once, not when the last delay is over.
	p.toxics.ResetToxics(context.Background())
	p.mu.Unlock()
	p.links.Wait()
	if err != nil {
		return fmt.Errorf("address of pod %s: %w", p.name, err)
	}
	return nil
}
