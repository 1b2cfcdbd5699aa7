// Package load sends requests at a fixed rate, whatever the server does, and
// counts what a client would have seen.
//
// Every scheduled request is sent at most once and yields exactly one outcome and
// one duration, at the latest when its timeout, counted from its scheduled time,
// is over. So a server that freezes is seen as errors at the full rate while it is
// frozen; a load generator that waits for answers would show nothing until the
// freeze is over.
package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/ballast-sre/ballast/chaos/runner/internal/once"
)

// The bounds of a configuration. The highest rate keeps the requests that one
// timeout can leave under way within the ephemeral ports of one address.
const (
	maxRate    = 20_000
	maxTimeout = time.Minute
)

// ErrStarted is returned by Run when the generator has been run before.
var ErrStarted = errors.New("the load generator was started before: make a new one")

// Config says what to send.
type Config struct {
	// URL is requested with GET; http or https.
	URL string
	// Name is what is measured, as label probe of every metric: it keeps apart the
	// series of two probes in one Prometheus. Empty means the first part of the URL's
	// host name, or the whole of an address.
	Name string
	// Rate is in requests per second, above 0 and at most 20,000.
	Rate float64
	// MaxRate is the highest that SetRate may ask for; 0 means Rate.
	MaxRate float64
	// Duration is how long requests are scheduled; 0 means until Run's context ends.
	Duration time.Duration
	// Timeout is counted from a request's scheduled time; 0 means 1 s, at most 1 min.
	Timeout time.Duration
	// MaxInFlight bounds the requests under way. A request that is not sent within
	// its timeout because of this bound is an error. 0 means as many as Rate and
	// Timeout can leave open, or MaxRate, so that the bound is never felt.
	MaxInFlight int
	// Lookups resolves the URL's host name once a second beside the requests, which keep
	// their connections, and counts the outcomes. The host has to be a name.
	Lookups bool
	// Credentials are sent with every request; nil for none. Run keeps the token up to date.
	Credentials *Credentials
	// Recorder gets every outcome and how late each request was sent; nil for none.
	Recorder *Recorder
	// Logger gets start and end, and failing requests at level debug: the first 100
	// one by one, and after that one a second.
	Logger *slog.Logger
}

func (c *Config) defaults() error {
	var errs []error
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("load url: %w", err))
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		errs = append(errs, fmt.Errorf("load url %q: want http://host[:port]/path", u.Redacted()))
	}
	if c.Name == "" && err == nil {
		c.Name = nameOf(u.Hostname())
	}
	if err == nil {
		if err := c.Credentials.check(u.Scheme, u.User != nil); err != nil {
			errs = append(errs, fmt.Errorf("load credentials: %w", err))
		}
	}
	if !utf8.ValidString(c.Name) {
		errs = append(errs, fmt.Errorf("load name %q: want UTF-8, as it is the value of a label", c.Name))
	}
	if !(c.Rate > 0 && c.Rate <= maxRate) { // NaN too
		errs = append(errs, fmt.Errorf("load rate %v: want more than 0 and at most %d requests per second", c.Rate, maxRate))
	}
	if c.MaxRate == 0 {
		c.MaxRate = c.Rate
	}
	if c.Rate > 0 && c.Rate <= maxRate && !(c.MaxRate >= c.Rate && c.MaxRate <= maxRate) {
		errs = append(errs, fmt.Errorf("load max rate %v: want at least the rate %v and at most %d requests per second", c.MaxRate, c.Rate, maxRate))
	}
	if c.Duration < 0 {
		errs = append(errs, fmt.Errorf("load duration %s: want 0 (until it is stopped) or more", c.Duration))
	}
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	if c.Timeout < 0 || c.Timeout > maxTimeout {
		errs = append(errs, fmt.Errorf("load timeout %s: want more than 0 and at most %s", c.Timeout, maxTimeout))
	}
	if c.MaxInFlight < 0 {
		errs = append(errs, fmt.Errorf("load in flight %d: want 0 (as many as needed) or more", c.MaxInFlight))
	}
	if c.Lookups && err == nil {
		if _, addr := netip.ParseAddr(u.Hostname()); addr == nil {
			errs = append(errs, fmt.Errorf("load lookups: the host %s of the URL is an address, which nobody looks up; give a URL with a name, or no lookups", u.Hostname()))
		}
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("load: a logger is missing"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.MaxInFlight == 0 {
		// A tenth more, for the moment between a deadline and its worker's return.
		c.MaxInFlight = int(math.Ceil(c.MaxRate*c.Timeout.Seconds()*1.1)) + 10
	}
	return nil
}

// host is the one of a URL that was checked.
func (c *Config) host() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// nameOf is what a host is called for short: monitor for monitor.example.com.
func nameOf(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	name, _, _ := strings.Cut(host, ".")
	return name
}

// Stats are totals since the start. After Run, Scheduled = Success + Errors.
type Stats struct {
	Scheduled uint64 // requests that were due
	Success   uint64
	Errors    uint64
	Failures  map[string]uint64 // errors by reason, without those that did not occur
}

// Generator sends the load of one configuration, once.
type Generator struct {
	config  Config
	metrics *metrics
	dial    dialFunc
	resolve resolveFunc
	lookups lookups
	started atomic.Bool
	ledger  atomic.Pointer[ledger] // nil before Run
}

// New checks the configuration and reports everything that is wrong with it. It
// starts nothing.
func New(c Config) (*Generator, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	g := &Generator{config: c, dial: (&net.Dialer{Timeout: c.Timeout}).DialContext, resolve: net.DefaultResolver.LookupNetIP}
	g.metrics = newMetrics(c.Name, func() {
		if l := g.ledger.Load(); l != nil {
			l.overdue(time.Now())
		}
	})
	if c.Lookups {
		g.metrics.addLookups(c.Name, c.host(), &g.lookups)
	}
	return g, nil
}

// Handler serves GET /metrics, before, during and after Run.
func (g *Generator) Handler() http.Handler { return g.metrics.handler() }

// Stats returns the totals at this moment.
func (g *Generator) Stats() Stats {
	if l := g.ledger.Load(); l != nil {
		return l.snapshot(time.Now())
	}
	return Stats{}
}

// SetRate changes the rate of the load that Run sends, from now on. It is an error before
// Run, and above the configuration's MaxRate.
func (g *Generator) SetRate(rate float64) error {
	book := g.ledger.Load()
	if book == nil {
		return errors.New("the load has not started: its rate cannot be changed yet")
	}
	if !(rate > 0 && rate <= g.config.MaxRate) { // NaN too
		return fmt.Errorf("load rate %v: want more than 0 and at most %v requests per second", rate, g.config.MaxRate)
	}
	book.setRate(time.Now(), rate)
	return nil
}

// Run sends requests until the duration is over or ctx ends. It blocks until each
// of them has its outcome: at most one timeout longer. It returns nil, or
// ErrStarted.
func (g *Generator) Run(ctx context.Context) error {
	if !g.started.CompareAndSwap(false, true) {
		return ErrStarted
	}
	if ctx.Err() != nil {
		return nil
	}
	c := g.config
	requests, release := context.WithCancel(context.WithoutCancel(ctx))
	transport := once.New(&http.Transport{
		DialContext:         endingWith(requests, g.dial),
		TLSClientConfig:     c.Credentials.tls(),
		TLSHandshakeTimeout: c.Timeout,
		// All connections may be kept: closing and dialling anew at every swing of
		// the latency would be load of our own making.
		MaxIdleConnsPerHost: c.MaxInFlight,
		DisableCompression:  true,
	})
	defer transport.CloseIdleConnections()
	defer release()
	var beside sync.WaitGroup
	defer beside.Wait()
	besides, enough := context.WithCancel(requests)
	defer enough()
	beside.Go(func() { c.Credentials.keep(besides, c.Logger) })
	if c.Lookups {
		beside.Go(func() { g.lookups.run(besides, c.host(), g.resolve) })
	}

	began := time.Now()
	book := newLedger(schedule{start: began, rate: c.Rate}, c.MaxRate, c.Timeout, func(why reason, d time.Duration) {
		g.metrics.record(why, d)
		c.Recorder.outcome(why == reasonNone, d)
	})
	if c.Duration > 0 {
		book.endAt(began.Add(c.Duration))
	}
	g.ledger.Store(book)
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		book.endAt(time.Now().Add(1)) // the pacer may be waiting for a free worker
	})
	defer func() {
		if !stop() {
			<-ended
		}
	}()

	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport: &onSchedule{
				ctx: requests, next: transport, book: book,
				sent: func(lag time.Duration) {
					g.metrics.lag.Observe(lag.Seconds())
					c.Recorder.sent(lag)
				},
			},
			// A redirect is an answer, and not a success.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.MaxWorkers(uint64(c.MaxInFlight)),
		vegeta.MaxBody(0), // read to the end, keep nothing
	)
	target := func(t *vegeta.Target) error {
		*t = vegeta.Target{Method: http.MethodGet, URL: c.URL, Header: c.Credentials.header()}
		return nil
	}
	log := newFailureLog(c.Logger)
	c.Logger.Info("load started", "rate", c.Rate, "timeout", c.Timeout, "max_in_flight", c.MaxInFlight)
	for r := range attacker.Attack(target, &pacer{ctx: ctx, book: book}, 0, "") {
		ok := r.Error == "" && r.Code >= 200 && r.Code < 300
		now := time.Now()
		if why := book.settle(r.Seq, ok, r.Timestamp.Add(r.Latency), now); why != reasonNone {
			log.failed(now, why, book.at(r.Seq), r)
		}
	}
	s := g.Stats()
	c.Logger.Info("load stopped", "scheduled", s.Scheduled, "success", s.Success, "errors", s.Errors, "failures", s.Failures)
	return nil
}
