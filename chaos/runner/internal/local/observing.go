package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// startObserving starts load and Prometheus and waits for the first scrapes.
func (e *Environment) startObserving(ctx context.Context) error {
	generator, err := load.New(load.Config{URL: e.url + probePath, Name: probeName, Rate: e.cfg.Rate, MaxRate: e.cfg.MaxRate, Timeout: probeTimeout, Recorder: e.cfg.Recorder, Logger: e.cfg.Logger})
	if err != nil {
		return err
	}
	e.setRate = generator.SetRate
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	e.load.Go(func() {
		if err := generator.Run(running); err != nil {
			e.cfg.Logger.Error("the load ended", "error", err)
		}
	})
	gatewayURL, err := e.serve(ctx, e.gateway.metrics.handler())
	if err != nil {
		return err
	}
	probeURL, err := e.serve(ctx, probeAnswers(generator.Handler()))
	if err != nil {
		return err
	}
	if e.probe, err = newProbePod(ctx, e.fleet.hash, hostOf(probeURL), e.cfg.Logger); err != nil {
		return err
	}

	ruleFiles, back, err := scaledRules(e.dir.path, e.cfg.RuleFiles, e.cfg.Scale, e.cfg.Evaluation)
	if err != nil {
		return err
	}
	probeLabels := map[string]string{"job": jobProbe, "instance": jobProbe, "namespace": e.cfg.Namespace}
	exposed, err := families(ctx, generator.Handler())
	if err != nil {
		return err
	}
	// The last invented sample lies one interval before the first live one.
	past, err := history(exposed, probeLabels, e.cfg.Rate, e.cfg.Incidents, time.Now().Add(-e.cfg.Scrape), back+time.Minute, e.cfg.Scrape)
	if err != nil {
		return err
	}
	server, err := promserver.Open(promserver.Config{
		Dir: filepath.Join(e.dir.path, "prometheus"), Scrape: e.cfg.Scrape, Evaluation: e.cfg.Evaluation,
		Listen: "127.0.0.1:0", RuleFiles: ruleFiles, History: past, Jobs: []string{jobMonitor, jobGateway, jobProbe}, Logger: e.cfg.Logger,
	})
	if err != nil {
		return err
	}
	e.publishing.Lock()
	e.prom = server
	e.publishing.Unlock()
	if err := e.dir.noteURL(server.URL()); err != nil {
		return err
	}

	gatewayLabels := map[string]string{"job": jobGateway, "instance": jobGateway, "namespace": e.cfg.Namespace}
	if err := errors.Join(
		server.SetTargets(jobProbe, []promserver.Target{{Address: e.probe.proxy.address(), Labels: probeLabels}}),
		server.SetTargets(jobGateway, []promserver.Target{{Address: hostOf(gatewayURL), Labels: gatewayLabels}}),
	); err != nil {
		return err
	}
	e.publishTargets()
	return e.awaitScrapes(ctx, e.cfg.Replicas+2)
}

// publishTargets passes the list of pods on to Prometheus.
func (e *Environment) publishTargets() {
	e.publishing.Lock()
	defer e.publishing.Unlock()
	if e.prom == nil {
		return // not open yet: startObserving publishes them
	}
	var targets []promserver.Target
	for _, p := range e.fleet.all() {
		targets = append(targets, promserver.Target{Address: p.proxy.address(), Labels: map[string]string{
			"job": jobMonitor, "instance": p.name, "pod": p.name, "namespace": e.cfg.Namespace,
		}})
	}
	if err := e.prom.SetTargets(jobMonitor, targets); err != nil {
		e.cfg.Logger.Warn("scrape targets", "error", err)
	}
}

// awaitScrapes blocks until each of n targets has been scraped.
func (e *Environment) awaitScrapes(ctx context.Context, n int) error {
	client, err := prom.New(prom.Config{URL: e.prom.URL()})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second+5*e.cfg.Scrape)
	defer cancel()
	// The scrape's own series, for these are not backfilled.
	expr := fmt.Sprintf("count(count_over_time(scrape_samples_scraped[%dms]) >= 1)", (time.Minute + 5*e.cfg.Scrape).Milliseconds())
	tick := time.NewTicker(max(e.cfg.Scrape/20, 5*time.Millisecond))
	defer tick.Stop()
	for {
		s, err := client.Instant(ctx, expr, time.Time{})
		if err == nil && int(s.V) >= n {
			return nil
		}
		select {
		case <-tick.C:
		case <-e.keeper.lost:
			return errKeeperLost()
		case <-ctx.Done():
			return fmt.Errorf("prometheus has scraped %v of %d targets: %w", s.V, n, errors.Join(ctx.Err(), err))
		}
	}
}

// serve answers on a free loopback port until Close.
func (e *Environment) serve(ctx context.Context, h http.Handler) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a port on loopback: %w", err)
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(e.cfg.Logger.Handler(), slog.LevelDebug),
	}
	e.servers = append(e.servers, server)
	e.work.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.cfg.Logger.Error("a server ended", "address", l.Addr(), "error", err)
		}
	})
	return "http://" + l.Addr().String(), nil
}

// hostOf is the address of a URL of serve.
func hostOf(url string) string { return strings.TrimPrefix(url, "http://") }
