// Package load sends requests at a fixed rate, whatever the server does, and
// counts what a client would have seen.
//
// Every scheduled request yields exactly one outcome and one duration, at the
// latest when its timeout, counted from its scheduled time, is over. So a server
// that freezes is seen as errors at the full rate while it is frozen; a load
// generator that waits for answers would show nothing until the freeze is over.
package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
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
	// Rate is in requests per second, above 0 and at most 20,000.
	Rate float64
	// Timeout is counted from a request's scheduled time; 0 means 1 s, at most 1 min.
	Timeout time.Duration
	// MaxInFlight bounds the requests under way. A request that is not sent within
	// its timeout because of this bound is an error. 0 means as many as Rate and
	// Timeout can leave open, so that the bound is never felt.
	MaxInFlight int
	// Logger is told of start, stop and failing requests, at most once a second.
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
	if !(c.Rate > 0 && c.Rate <= maxRate) { // NaN too
		errs = append(errs, fmt.Errorf("load rate %v: want more than 0 and at most %d requests per second", c.Rate, maxRate))
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
	if c.Logger == nil {
		errs = append(errs, errors.New("load: a logger is missing"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.MaxInFlight == 0 {
		// A tenth more, for the moment between a deadline and its worker's return.
		c.MaxInFlight = int(math.Ceil(c.Rate*c.Timeout.Seconds()*1.1)) + 10
	}
	return nil
}

// Stats are totals since the start.
type Stats struct {
	Scheduled uint64 // requests that were due
	Success   uint64
	Errors    uint64
}

// Generator sends the load of one configuration, once.
type Generator struct {
	config  Config
	metrics *metrics
	dial    dialFunc
	started atomic.Bool
	ledger  atomic.Pointer[ledger] // nil before Run
}

// New checks the configuration and reports everything that is wrong with it. It
// starts nothing.
func New(c Config) (*Generator, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	g := &Generator{config: c, dial: (&net.Dialer{Timeout: c.Timeout}).DialContext}
	g.metrics = newMetrics(func() {
		if l := g.ledger.Load(); l != nil {
			l.overdue(time.Now())
		}
	})
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

// Run sends requests until ctx ends; it blocks. Requests under way at the end
// are given up and count as nothing, and its connections are closed. It returns
// nil, or ErrStarted.
func (g *Generator) Run(ctx context.Context) error {
	if !g.started.CompareAndSwap(false, true) {
		return ErrStarted
	}
	if ctx.Err() != nil {
		return nil
	}
	c := g.config
	// The book is closed before the requests under way are given up, or those
	// would count as errors of the server.
	requests, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	transport := &http.Transport{
		DialContext:         endingWith(requests, g.dial),
		TLSHandshakeTimeout: c.Timeout,
		// All connections may be kept: closing and dialling anew at every swing of
		// the latency would be load of our own making.
		MaxIdleConnsPerHost: c.MaxInFlight,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	}
	defer transport.CloseIdleConnections()

	plan := schedule{start: time.Now(), rate: c.Rate}
	book := newLedger(plan, c.Timeout, g.metrics.record)
	g.ledger.Store(book)

	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport: &onSchedule{
				ctx: requests, next: transport, schedule: plan, timeout: c.Timeout,
				sent: func(lag time.Duration) { g.metrics.lag.Observe(lag.Seconds()) },
			},
			// A redirect is an answer, and not a success.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.MaxWorkers(uint64(c.MaxInFlight)),
		vegeta.MaxBody(0), // read to the end, keep nothing
	)
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: c.URL})
	results := attacker.Attack(target, &pacer{ctx: ctx, schedule: plan}, 0, "")

	// The attack ends only with ctx: the pacer stops it then, and this stops an
	// attacker that waits for a free worker.
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(stopped)
		book.close(time.Now())
		attacker.Stop()
		giveUp()
	})

	log := &failureLog{logger: c.Logger}
	c.Logger.Info("load started", "rate", c.Rate, "timeout", c.Timeout, "max_in_flight", c.MaxInFlight)
	for r := range results {
		ok := r.Error == "" && r.Code >= 200 && r.Code < 300
		now := time.Now()
		book.settle(r.Seq, ok, r.Timestamp.Add(r.Latency), now)
		if !ok && ctx.Err() == nil {
			log.failed(now, r)
		}
	}
	<-stopped
	s := book.snapshot(time.Now())
	c.Logger.Info("load stopped", "scheduled", s.Scheduled, "success", s.Success, "errors", s.Errors)
	return nil
}

// failureLog tells of failing requests without repeating each.
type failureLog struct {
	logger *slog.Logger
	last   time.Time
	since  int
}

func (f *failureLog) failed(now time.Time, r *vegeta.Result) {
	f.since++
	if now.Sub(f.last) < time.Second {
		return
	}
	f.logger.Debug("requests fail", "count", f.since, "status", r.Code, "error", r.Error)
	f.last, f.since = now, 0
}
