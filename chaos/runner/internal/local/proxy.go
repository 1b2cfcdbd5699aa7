package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
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
	paths    map[string]*pathToxic  // by stream, for the proxy's whole life
	upstream atomic.Pointer[string] // the container's address; nil while there is none
	serial   atomic.Uint64
	buffers  bufferPool
	// delivered counts the bytes that came out of the path at its clients.
	delivered atomic.Int64
	accept    chan struct{} // closed when the accept loop has ended

	mu       sync.Mutex // held while the chain changes, so that no connection starts meanwhile
	conns    map[*link]struct{}
	rejects  map[string]struct{} // who has connections reset
	closed   bool
	stopping context.CancelFunc
	links    sync.WaitGroup
}

// link is one connection with both its ends.
type link struct {
	client, server *net.TCPConn

	once sync.Once
	dead chan struct{} // closed when nobody is left to take its data
}

func newLink(client, server *net.TCPConn) *link {
	return &link{client: client, server: server, dead: make(chan struct{})}
}

// die lets go of the data that the path still holds.
func (l *link) die() { l.once.Do(func() { close(l.dead) }) }

// reset ends both ends at once, without a polite goodbye.
func (l *link) reset() {
	l.die()
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
		toxics:   toxiproxy.NewProxy(server, name, l.Addr().String(), "").Toxics,
		accept:   make(chan struct{}),
		conns:    map[*link]struct{}{},
		rejects:  map[string]struct{}{},
		stopping: cancel,
	}
	if err := p.layPaths(); err != nil {
		cancel()
		return nil, errors.Join(err, l.Close())
	}
	go p.serve(ctx)
	return p, nil
}

// layPaths puts our toxic into the chain of each direction, before there is a link.
func (p *proxy) layPaths() error {
	p.paths = map[string]*pathToxic{}
	for _, direction := range []string{upstream, downstream} {
		entry := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"toxicity":1}`, direction, toxicPath, direction)
		w, err := p.toxics.AddToxicJson(strings.NewReader(entry))
		if err != nil {
			return fmt.Errorf("path of pod %s: %w", p.name, err)
		}
		t, ok := w.Toxic.(*pathToxic)
		if !ok {
			return fmt.Errorf("path of pod %s: Toxiproxy made a %T", p.name, w.Toxic)
		}
		p.paths[direction] = t
	}
	return nil
}

// address is host:port, the same for the proxy's whole life.
func (p *proxy) address() string { return p.listener.Addr().String() }

// host is the address without its port: what a cluster calls the pod's IP.
func (p *proxy) host() string {
	host, _, err := net.SplitHostPort(p.address())
	if err != nil { // a TCP listener's address has both
		return ""
	}
	return host
}

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
	p.join(newLink(client, server))
}

// join links both ends through the chain of toxics, or resets them.
func (p *proxy) join(l *link) {
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
		l.die()
		l.client.Close() //nolint:errcheck // may be closed already
		l.server.Close() //nolint:errcheck // may be closed already
		if open.Add(-1) == 0 {
			p.mu.Lock()
			delete(p.conns, l)
			p.mu.Unlock()
		}
		p.links.Done()
	}
	for _, t := range p.paths {
		t.joining = l
	}
	id := strconv.FormatUint(p.serial.Add(1), 10)
	p.toxics.StartLink(p.server, id+"-up", source{l.client, &p.buffers}, &sink{link: l, conn: l.server, ended: ended, buffers: &p.buffers, count: new(atomic.Int64)}, stream.Upstream)
	p.toxics.StartLink(p.server, id+"-down", source{l.server, &p.buffers}, &sink{link: l, conn: l.client, ended: ended, buffers: &p.buffers, count: &p.delivered}, stream.Downstream)
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
// writer has failed standing, with its toxics blocked forever. After a failure
// it swallows the rest and closes the connection, so that the end comes in order.
type sink struct {
	link   *link
	conn   *net.TCPConn
	ended  func()
	once   sync.Once
	failed bool
	count  *atomic.Int64 // of the bytes sent

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
		var n int
		n, err = s.conn.Write(b)
		s.count.Add(int64(n))
	}
	if err != nil {
		s.failed = true
		s.link.reset()
	}
	return len(b), nil
}

// Close is called once by the link, at its end. It must not block on the proxy:
// close holds the lock while it waits for links.
func (s *sink) Close() error {
	s.once.Do(func() { go s.ended() })
	return nil
}

var (
	_ io.WriterTo   = source{}
	_ io.ReaderFrom = (*sink)(nil)
)

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
