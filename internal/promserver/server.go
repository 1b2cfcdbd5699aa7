// Package promserver is a whole Prometheus inside the process: it scrapes, stores,
// evaluates rules and answers PromQL, over its HTTP API, on loopback or without any
// listener at all. Nothing of it survives Close but files in its directory.
package promserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"github.com/ballast-sre/ballast/internal/prom"
)

// Config says what a server scrapes, evaluates and where it answers.
type Config struct {
	// Dir is created if need be and must belong to this server alone. Samples are
	// kept in memory: a disk that is full does not disturb the server.
	Dir string
	// Scrape and Evaluation are the intervals; 0 means one second.
	Scrape, Evaluation time.Duration
	// Lookback is how long an instant selector sees a sample; 0 means five
	// minutes, as in any Prometheus.
	Lookback time.Duration
	// Listen is the address of the HTTP API, "127.0.0.1:0" for a free port on
	// loopback. Empty: no listener, Handler is the only way in.
	Listen string
	// RuleFiles are Prometheus rule files, evaluated as they stand.
	RuleFiles []string
	// History is written before any rule is evaluated, so that none ever sees a
	// part of it. Its series are as in Backfill.
	History []prom.Series
	// Jobs are the scrape jobs that SetTargets may fill. Empty: there is no scrape
	// manager, so that the server can run inside a testing/synctest bubble.
	Jobs []string
	// Logger gets warnings and errors, and all of Prometheus' own news when it is
	// enabled for debug; nil discards them.
	Logger *slog.Logger
}

func (c *Config) defaults() error {
	if c.Dir == "" {
		return errors.New("embedded prometheus: no directory was given for its samples")
	}
	if c.Scrape == 0 {
		c.Scrape = time.Second
	}
	if c.Evaluation == 0 {
		c.Evaluation = time.Second
	}
	if c.Lookback == 0 {
		c.Lookback = 5 * time.Minute
	}
	for name, d := range map[string]time.Duration{"scrape": c.Scrape, "evaluation": c.Evaluation, "lookback": c.Lookback} {
		if d < minInterval {
			return fmt.Errorf("embedded prometheus: %s interval %s is shorter than %s", name, d, minInterval)
		}
	}
	c.Logger = quiet(c.Logger)
	return nil
}

const (
	// minInterval keeps the scrape timeout, a part of the interval, above Prometheus'
	// resolution of one millisecond.
	minInterval = 10 * time.Millisecond
	// maxSamples and queryTimeout bound one query, as Prometheus' own defaults do.
	maxSamples   = 50_000_000
	queryTimeout = 2 * time.Minute
)

// Server is an open Prometheus. All methods are safe for concurrent use.
type Server struct {
	cfg     Config
	started time.Time
	db      *database
	engine  *promql.Engine
	rules   *rules.Manager
	scraper *scraper // nil without jobs
	handler http.Handler
	url     string
	// Both nil without a listener.
	http     *http.Server
	listener net.Listener

	cancel  context.CancelFunc // ends rule evaluations
	work    sync.WaitGroup
	gate    *gate
	closing sync.Once
	closed  error
}

// Open starts a server: storage with its history, rule evaluation, scraping of what
// SetTargets will name, and the listener. It blocks for some ten milliseconds and
// one more for each thousand samples of history, longer only where the host's own
// name is slow to resolve. Close ends everything that it started.
func Open(cfg Config) (*Server, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, started: time.Now(), cancel: func() {}, gate: newGate()}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded prometheus: %w", err), s.Close())
	}
	return s, nil
}

func (s *Server) open() error {
	loader, err := loadRules(s.cfg.RuleFiles, s.cfg.Logger)
	if err != nil {
		return err
	}
	if s.db, err = openStorage(s.cfg.Dir, s.cfg.Logger); err != nil {
		return err
	}
	s.engine = promql.NewEngine(promql.EngineOpts{
		Logger:               s.cfg.Logger,
		MaxSamples:           maxSamples,
		Timeout:              queryTimeout,
		LookbackDelta:        s.cfg.Lookback,
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		// Only asked for subqueries without a step.
		NoStepSubqueryIntervalFn: func(int64) int64 { return s.cfg.Evaluation.Milliseconds() },
		Parser:                   parser.NewParser(parser.Options{}),
	})
	s.handler = s.gate.guard(newAPI(s))

	// The address is taken first, so that a port in use is an error of Open, but
	// served last, when all that answers is there.
	serve, err := s.listen()
	if err != nil {
		return err
	}
	if len(s.cfg.Jobs) > 0 {
		if s.scraper, err = startScraper(s.cfg, s.db, &s.work); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if err := s.Backfill(ctx, s.cfg.History); err != nil {
		return err
	}
	s.cfg.History = nil // it is large, and in the storage now
	if s.rules, err = startRules(ctx, loader, s, &s.work); err != nil {
		return err
	}
	serve()
	return nil
}

// listen takes the address and returns what serves it.
func (s *Server) listen() (serve func(), err error) {
	if s.cfg.Listen == "" {
		return func() {}, nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s, choose another address or 127.0.0.1:0: %w", s.cfg.Listen, err)
	}
	s.url = "http://" + l.Addr().String()
	s.http = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	s.listener = l
	return func() {
		s.work.Go(func() {
			if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.cfg.Logger.Error("the API of the embedded prometheus ended", "url", s.url, "err", err)
			}
		})
	}, nil
}

// Handler is the HTTP API. It answers 503 once the server is closed.
func (s *Server) Handler() http.Handler { return s.handler }

// URL is the base of the HTTP API, http://127.0.0.1:port; empty without a listener.
func (s *Server) URL() string { return s.url }

// Close stops scraping, rules, queries and the listener, waits for them and closes
// the storage. It takes some milliseconds, at most as long as one scrape or one
// evaluation under way, and may be called again.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.shut() })
	return s.closed
}

func (s *Server) shut() error {
	var errs []error
	s.cancel()
	if s.http != nil {
		errs = append(errs, s.http.Close())
		// The server closes it only once it serves; twice is not a fault.
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.gate.shut() // waits for requests: none may touch the storage from here on
	if s.scraper != nil {
		s.scraper.stop()
	}
	if s.rules != nil {
		s.rules.Stop()
	}
	s.work.Wait()
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.db != nil {
		errs = append(errs, closeStorage(s.db))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("embedded prometheus in %s: %w", s.cfg.Dir, err)
	}
	return nil
}
