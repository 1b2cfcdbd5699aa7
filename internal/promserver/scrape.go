package promserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
)

// Target is one endpoint to scrape.
type Target struct {
	Address string // host:port
	// Labels go onto every series of the target. With instance among them, a
	// series outlives a change of port.
	Labels map[string]string
	Path   string // empty means /metrics
}

// reloadInterval is how often changed targets take effect at the most; the first
// change after a quiet time is immediate.
const reloadInterval = 50 * time.Millisecond

// scraper runs Prometheus' scrape manager and feeds it the targets.
type scraper struct {
	manager *scrape.Manager
	sets    chan map[string][]*targetgroup.Group
	ended   chan struct{}

	mu     sync.Mutex
	groups map[string][]*targetgroup.Group // never changed in place: the manager reads it
}

func startScraper(cfg Config, db *database, work *sync.WaitGroup) (*scraper, error) {
	file, err := config.Load(scrapeConfig(cfg), cfg.Logger)
	if err != nil {
		return nil, fmt.Errorf("cannot scrape jobs %q every %s: %w", cfg.Jobs, cfg.Scrape, err)
	}
	manager, err := scrape.NewManager(&scrape.Options{
		DiscoveryReloadInterval:  model.Duration(reloadInterval),
		DiscoveryReloadOnStartup: true,
	}, cfg.Logger, nil, nil, db, prometheus.NewRegistry())
	if err != nil {
		return nil, fmt.Errorf("cannot create the scrape manager: %w", err)
	}
	if err := manager.ApplyConfig(file); err != nil {
		return nil, fmt.Errorf("cannot configure the scrape manager: %w", err)
	}
	s := &scraper{
		manager: manager,
		sets:    make(chan map[string][]*targetgroup.Group),
		ended:   make(chan struct{}),
		groups:  map[string][]*targetgroup.Group{},
	}
	for _, job := range cfg.Jobs {
		s.groups[job] = []*targetgroup.Group{{Source: job}}
	}
	work.Go(func() {
		defer close(s.ended)
		// It returns nil, always, once the manager is stopped.
		_ = manager.Run(s.sets)
	})
	// The pool of each job must exist before the manager may be stopped: a reload
	// that is still to come would start pools that nobody ends.
	s.sets <- maps.Clone(s.groups)
	for len(manager.ScrapePools()) < len(s.groups) {
		time.Sleep(time.Millisecond)
	}
	return s, nil
}

// scrapeConfig leaves a tenth of the interval between a timeout and the next
// scrape, so that a target that hangs is seen as down within one interval.
func scrapeConfig(cfg Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global:\n  scrape_interval: %dms\n  scrape_timeout: %dms\nscrape_configs:\n",
		cfg.Scrape.Milliseconds(), (cfg.Scrape * 9 / 10).Milliseconds())
	for _, job := range cfg.Jobs {
		fmt.Fprintf(&b, "  - job_name: %q\n    fallback_scrape_protocol: PrometheusText0.0.4\n", job)
	}
	return b.String()
}

// SetTargets replaces the targets of one job. The change takes effect within some
// fifty milliseconds; the series of a target that is gone end with a stale marker
// about one interval later. Empty targets empty the job. It fails on a job that
// Config.Jobs does not name and on a label that is not valid.
func (s *Server) SetTargets(job string, targets []Target) error {
	if s.scraper == nil {
		return fmt.Errorf("set targets of job %q: this server was opened without jobs", job)
	}
	if err := s.scraper.set(job, targets); err != nil {
		return fmt.Errorf("set targets of job %q: %w", job, err)
	}
	return nil
}

func (s *scraper) set(job string, targets []Target) error {
	group := &targetgroup.Group{Source: job}
	for _, t := range targets {
		if t.Address == "" {
			return errors.New("a target has no address, write it as host:port")
		}
		ls := model.LabelSet{model.AddressLabel: model.LabelValue(t.Address)}
		if t.Path != "" {
			ls[model.MetricsPathLabel] = model.LabelValue(t.Path)
		}
		for name, value := range t.Labels {
			ls[model.LabelName(name)] = model.LabelValue(value)
		}
		if err := ls.Validate(); err != nil {
			return fmt.Errorf("target %s: %w", t.Address, err)
		}
		group.Targets = append(group.Targets, ls)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.groups[job]; !ok {
		return fmt.Errorf("there is no such job, only %q", slices.Sorted(maps.Keys(s.groups)))
	}
	s.groups[job] = []*targetgroup.Group{group}
	select {
	case s.sets <- maps.Clone(s.groups):
		return nil
	case <-s.ended:
		return errClosed
	}
}

// stop waits for scrapes under way; their loops end with it.
func (s *scraper) stop() { s.manager.Stop() }
