// Package httpapi serves snapshots as JSON, the service's own health, and
// whatever the metrics registry holds. No handler reads the host, so none
// can hang with it.
package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Config is what the API needs.
type Config struct {
	// Snapshot returns the newest snapshot, never nil, without blocking.
	Snapshot func() *sample.Snapshot
	// Collectors are the chosen ones: only they have a route.
	Collectors []sample.Name
	// Interval is the time between two events of /api/v1/stream; zero means
	// a second.
	Interval time.Duration
	// History is served at /api/v1/history; nil means that none is kept.
	History *history.History
	// Peers returns what other monitors said last, and a number that is
	// another one whenever that has changed, without blocking; nil means that
	// there are none.
	Peers func() ([]Peer, uint64)
	// Registry gets the API's request metrics.
	Registry prometheus.Registerer
	// Metrics is served at /metrics; it must not read the kernel.
	Metrics http.Handler
	// Node is served at /metrics/node; nil means that it is not there.
	Node http.Handler
	// Build is served at /version.
	Build Build
	// Hosts are the names that the service answers for; nil means all.
	Hosts *Hosts
	// Admit returns 0 for a request that may be answered, else the status of
	// the refusal and what to do; it may set headers. Nil admits all. The
	// routes for supervisors are not asked about.
	Admit func(answer http.Header, r *http.Request) (status int, detail string)
	// MaxRequests may be answered at the same time, those of supervisors not
	// counted; zero means any number.
	MaxRequests int
	// Profiles says whether the Go runtime's are served below /debug/pprof/.
	Profiles bool
	// Logger gets one line per request at debug level, per failed request
	// at warn level.
	Logger *slog.Logger
}

func (c Config) check() error {
	var errs []error
	if c.Snapshot == nil {
		errs = append(errs, errors.New("http api: no snapshot function given"))
	}
	if c.Registry == nil {
		errs = append(errs, errors.New("http api: no metrics registry given"))
	}
	if c.Metrics == nil {
		errs = append(errs, errors.New("http api: no metrics handler given"))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("http api: no logger given"))
	}
	for _, name := range c.Collectors {
		if _, ok := partOf(name); !ok {
			errs = append(errs, fmt.Errorf("http api: no route for collector %q", name))
		}
	}
	return errors.Join(errs...)
}

// API is the service's http.Handler.
type API struct {
	cfg      Config
	engine   *gin.Engine
	parts    []*part
	stream   *stream
	packer   *packer
	draining atomic.Bool
}

// New returns the API; it is ready to serve and owns no goroutine.
func New(cfg Config) (*API, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.Collectors = slices.Clone(cfg.Collectors)
	if cfg.Interval <= 0 {
		cfg.Interval = time.Second
	}
	red, err := newRED(cfg.Registry)
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode)
	a := &API{cfg: cfg, engine: gin.New(), packer: newPacker()}
	e := a.engine
	// A redirect would answer a wrong path with a URL that the client
	// chose in part; a monitor's paths are few and exact.
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	if err := e.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("http api: trust no proxy: %w", err)
	}
	e.Use(red.middleware, a.log, a.recover, headers, a.closeWhenDraining, limitBody)
	e.Use((&inFlight{most: int64(cfg.MaxRequests)}).cap, a.ownHost, a.admit, ownPages)
	e.NoRoute(func(c *gin.Context) {
		problem(c, http.StatusNotFound, "there is nothing at this path; /api/v1 lists what there is")
	})
	e.NoMethod(func(c *gin.Context) {
		problem(c, http.StatusMethodNotAllowed, "this path answers GET and HEAD only")
	})

	a.get("/healthz", a.live)
	a.get("/readyz", a.ready)
	a.get("/version", a.version)
	a.get("/api/v1", withoutParameters(a.index))
	for _, name := range cfg.Collectors {
		pick, _ := partOf(name) // check has looked
		p := &part{name: name, pick: pick}
		a.parts = append(a.parts, p)
		if name == sample.Processes {
			a.get(route(name), a.processes(p))
		} else {
			a.get(route(name), a.part(p))
		}
	}
	newest := a.newest()
	all := a.withPeers(newest)
	a.get("/api/v1/snapshot", including(a.whole(newest), a.whole(all)))
	a.stream = newStream(cfg.Interval, newest)
	a.get(streamRoute, including(a.stream.serve(a), a.stream.sending(all).serve(a)))
	if cfg.History != nil {
		a.get("/api/v1/history", a.history)
	}
	a.get("/metrics", gin.WrapH(cfg.Metrics))
	if cfg.Node != nil {
		a.get("/metrics/node", gin.WrapH(cfg.Node))
	}
	if cfg.Profiles {
		e.GET(profilesRoute+"*name", (&profiles{drained: a.stream.drained}).serve)
	}
	a.servePage(all)
	a.describe() // all that is above
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// Drain makes /readyz fail from now on and asks clients to close their
// connections after the next answer. Streams end. Everything else goes on working, and
// liveness stays good: a process that is going away in order must not be
// killed for it.
func (a *API) Drain() {
	if !a.draining.Swap(true) {
		close(a.stream.drained)
	}
}

func (a *API) get(path string, h gin.HandlerFunc) {
	a.engine.GET(path, h)
	a.engine.HEAD(path, h)
}

const streamRoute = "/api/v1/stream"

func route(name sample.Name) string { return "/api/v1/" + string(name) }
