package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
	"github.com/ballast-sre/ballast/chaos/runner/internal/ramp"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// openRamp opens the place of a load test. check has passed.
func openRamp(ctx context.Context, common *commonFlags, flags *loadTestFlags, cat catalogue, slos []slo.SLO, log *slog.Logger) (*rampSite, error) {
	if common.target == targetCluster {
		return openClusterRamp(ctx, common, flags, cat, slos, log)
	}
	return openLocalRamp(ctx, common, flags, slos, log)
}

// counter asks a Prometheus for the events of SLOs.
type counter struct {
	client *prom.Client
	slos   map[string]result.SLO
	scrape time.Duration
}

func newCounter(client *prom.Client, slos []slo.SLO, scrape time.Duration) counter {
	c := counter{client: client, slos: map[string]result.SLO{}, scrape: scrape}
	for _, o := range slos {
		c.slos[o.Name] = result.SLO{Name: o.Name, Objective: o.Objective, Good: o.Good, Total: o.Total}
	}
	return c
}

// Count implements ramp.Site.
func (c counter) Count(ctx context.Context, name string, from, to time.Time) (bad, total float64, err error) {
	counted, err := engine.CountEvents(ctx, c.client, c.slos[name], from, to, c.scrape)
	return counted.Bad, counted.Total, err
}

// localRamp is a fleet on this machine.
type localRamp struct {
	counter
	env  *local.Environment
	seen *load.Recorder
}

func openLocalRamp(ctx context.Context, common *commonFlags, flags *loadTestFlags, slos []slo.SLO, log *slog.Logger) (*rampSite, error) {
	// The rules are not loaded: nobody asks for alerts.
	site, err := newLocalSite(common, &runFlags{monitor: flags.monitor, rate: flags.plan.Start}, catalogue{}, log)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, localWait)
	defer cancel()
	// Alone: a run beside it would be starved, and the limit would be that of both.
	release, err := local.Reserve(waiting, site.cfg.TempRoot, true)
	if err != nil {
		return nil, err
	}
	cfg := site.cfg
	r := &localRamp{seen: &load.Recorder{}}
	cfg.MaxRate, cfg.Recorder, cfg.Yield = flags.plan.Max, r.seen, true
	if r.env, err = local.Start(ctx, cfg); err != nil {
		return nil, errors.Join(err, release())
	}
	client, err := prom.New(prom.Config{URL: r.env.PrometheusURL(), Timeout: promTimeout, MaxAge: 3 * localScrape})
	if err != nil {
		return nil, errors.Join(err, r.env.Close(ctx), release())
	}
	r.counter = newCounter(client, slos, localScrape)
	return &rampSite{
		Site: r, url: r.env.GatewayURL(),
		notes: []string{"Service, load and Prometheus share this machine, and the service gives way to the others where processors are short: the rate is that of all of them together, and no capacity of a replica elsewhere."},
		seen:  func(rate float64) float64 { return rate },
		close: func(ctx context.Context) error {
			client.Close()
			return errors.Join(r.env.Close(ctx), release())
		},
	}, nil
}

// Hold implements ramp.Site.
func (r *localRamp) Hold(ctx context.Context, rate float64, settle, hold time.Duration) (ramp.Watched, error) {
	if err := r.env.SetRate(rate); err != nil {
		return ramp.Watched{}, err
	}
	if err := r.wait(ctx, settle); err != nil {
		return ramp.Watched{}, err
	}
	r.seen.Take()
	w := ramp.Watched{From: time.Now()}
	if err := r.wait(ctx, hold); err != nil {
		return w, err
	}
	w.To, w.Client = time.Now(), clientOf(r.seen.Take())
	return w, nil
}

func (r *localRamp) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.env.Done():
		return fmt.Errorf("the fleet is gone: %w", <-r.env.Lost())
	}
}

// Replicas implements ramp.Site.
func (r *localRamp) Replicas(context.Context) (ramp.Replicas, error) {
	ready, wanted, err := r.env.Replicas()
	return ramp.Replicas{Ready: ready, Wanted: wanted}, err
}

func clientOf(s load.Seen) ramp.Client {
	return ramp.Client{Success: s.Success, Errors: s.Errors, P50: result.InSeconds(s.P50), P99: result.InSeconds(s.P99), LagP99: result.InSeconds(s.LagP99)}
}
