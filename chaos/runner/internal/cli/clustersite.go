package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// The cluster's clocks that the runner decides on. The others are read from Prometheus.
const (
	clusterConfirm = 30 * time.Second
	clusterWarmUp  = 30 * time.Second
	clusterCleanup = 15 * time.Second
	// clusterCleanupBeside is added for each run beside it, as Chaos Mesh takes the objects
	// of a kind one after another. An interrupted run does not wait for those of others.
	clusterCleanupBeside = 2 * time.Second
	// clusterWait is how long a run waits for another runner's to end.
	clusterWait = 5 * time.Minute
	// clusterSettle is how long a run waits until errors of earlier ones cannot fire its
	// alerts any more.
	clusterSettle = 15 * time.Minute
	// sweepTimeout is how long a sweep waits for what does not go.
	sweepTimeout = time.Minute
	// promTimeout bounds one call of Prometheus, which may go through the API server.
	promTimeout = 2 * time.Second
)

// clusterSite runs experiments on one cluster, all of them over the same watches.
type clusterSite struct {
	flags  *commonFlags
	conn   *cluster.Connection
	cat    catalogue
	log    *slog.Logger
	claims *claims
	plans  bool // nothing is run
	// parallel is how many runs there may be at once, from 1.
	parallel int
	opened   time.Time
	auth     *promAuth // nil: Prometheus takes no more than its URL

	mu      sync.Mutex
	reached *clusterSetup // once it is known how to ask
	ready   bool          // once Prometheus and the cluster have answered
}

func newClusterSite(c *commonFlags, f *runFlags, cat catalogue, log *slog.Logger) (*clusterSite, error) {
	s := &clusterSite{flags: c, cat: cat, log: log, claims: newClaims(), plans: f.plans, parallel: f.parallel, opened: time.Now()}
	if c.prometheusHTTP != "" {
		auth, err := readPromAuth(c.prometheusHTTP)
		if err != nil {
			return nil, usageError{err}
		}
		s.auth = &auth
	}
	var err error
	if s.conn, err = c.connect(); err != nil {
		return nil, err
	}
	return s, nil
}

func (*clusterSite) exclusive(experiment.Experiment) bool { return false }

// open blocks until no other run of this command, or on the cluster, disturbs the run.
func (s *clusterSite) open(ctx context.Context, x experiment.Experiment, _ bool) (*place, error) {
	setup, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.allowed(ctx, setup, x); err != nil {
		return nil, err
	}
	able, err := setup.cluster.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	id := engine.NewID(x.Name)
	target := setup.cluster.Target(id, x.Name, able)
	if s.plans {
		return s.planning(ctx, setup, target, x)
	}
	touched, err := target.Touched(ctx, x.Faults)
	if err != nil {
		return nil, err
	}
	scrape, err := setup.scrapeOf(ctx, x)
	if err != nil {
		return nil, err
	}
	client, err := setup.ask(3 * scrape)
	if err != nil {
		return nil, err
	}
	claim := cluster.Claim{Run: id, Experiment: x.Name, Holder: holder(), Needs: cluster.Needs{Workloads: touched, Series: asserted(x)}}
	// What other runs of this command hold is waited for without a limit: they end.
	release, err := s.claims.acquire(ctx, slices.Concat(claim.Needs.Workloads, claim.Needs.Series))
	if err != nil {
		client.Close()
		return nil, err
	}
	if err := s.begin(ctx, target, claim); err != nil {
		release()
		client.Close()
		return nil, err
	}
	began := time.Now() // waiting for others is not the runner's own time
	summary := cluster.Summary{Experiment: x.Name, Verdict: string(result.Inconclusive), Reason: string(result.Interrupted), Started: began}
	cfg := s.config(setup, target, scrape)
	cfg.Querier, cfg.Began, cfg.ID = client, began, id
	return &place{
		Config: cfg, shared: true,
		done: func(r result.Run) { summary = summaryOf(r) },
		close: func(ctx context.Context) error {
			defer release()
			defer client.Close()
			// The verdict stands without it. A lease that is still there ends by itself, and
			// one that is gone was taken by the guard.
			if err := target.End(ctx, summary); err != nil {
				s.log.Warn("the run's summary is not in its lease", "run", id, "error", err)
			}
			return nil
		},
	}, nil
}

// allowed asks for the rights that a run of the experiment needs, and then for all that is
// asked once. A plan shows its rights itself, unless it cannot be made.
func (s *clusterSite) allowed(ctx context.Context, setup *clusterSetup, x experiment.Experiment) error {
	if !s.plans {
		if err := setup.cluster.Rights(ctx, x.Faults, s.flags.systemNamespace); err != nil {
			return err
		}
		return s.setUp(ctx, setup)
	}
	err := s.setUp(ctx, setup)
	if err == nil {
		return nil
	}
	if rights, _, rerr := setup.cluster.Reviewed(ctx, x.Faults, s.flags.systemNamespace); rerr == nil && lacking(rights) != "" {
		return fmt.Errorf("%w; %s", err, lacking(rights))
	}
	return err
}

// config is what all runs on the cluster have in common.
func (s *clusterSite) config(setup *clusterSetup, target *cluster.Target, scrape time.Duration) engine.Config {
	return engine.Config{
		Target: target, Scrape: scrape, Evaluation: setup.evaluation,
		ConfirmTimeout: clusterConfirm, WarmUpTimeout: clusterWarmUp,
		CleanupTimeout: clusterCleanup + time.Duration(s.parallel-1)*clusterCleanupBeside, InterruptTimeout: clusterCleanup,
		RequireBlastRadius: true, AlertScale: 1, Delivery: setup.delivery, SettleTimeout: clusterSettle, Instrument: s.instrument(scrape),
	}
}

// planning is a place in which nothing is run: it waits for nobody and claims nothing.
func (s *clusterSite) planning(ctx context.Context, setup *clusterSetup, target *cluster.Target, x experiment.Experiment) (*place, error) {
	scrape, err := setup.scrapeOf(ctx, x)
	if err != nil {
		return nil, err
	}
	return &place{
		Config: s.config(setup, target, scrape),
		survey: func(ctx context.Context, x experiment.Experiment) survey { return s.look(ctx, setup, target, x) },
		close:  func(context.Context) error { return nil },
	}, nil
}

// begin waits for runs of others that need the same.
func (s *clusterSite) begin(ctx context.Context, target *cluster.Target, claim cluster.Claim) error {
	waiting, cancel := context.WithTimeout(ctx, clusterWait)
	defer cancel()
	for {
		err := target.Begin(waiting, claim)
		if !errors.Is(err, fault.ErrBusy) || waiting.Err() != nil {
			return err
		}
		s.log.Warn("waiting for another run", "experiment", claim.Experiment, "reason", err.Error())
		select {
		case <-waiting.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(5 * time.Second):
		}
	}
}

// holder names whoever runs this, for those who have to wait.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

// summaryOf is what a run leaves in its lease.
func summaryOf(r result.Run) cluster.Summary {
	e := ledger.Of(r, targetCluster)
	return cluster.Summary{
		Experiment: e.Experiment, Verdict: string(e.Verdict), Reason: string(e.Reason), Started: e.Started, Ended: e.Ended,
		Spent: e.Spent, Detection: (*float64)(e.Detection), Recovery: (*float64)(e.Recovery),
	}
}

// asserted names the series that decide over a run: who spends from the same budget at
// the same time cannot be told apart.
func asserted(x experiment.Experiment) []string {
	var out []string
	for _, a := range x.SLOs {
		if a.SLO != nil {
			out = append(out, "slo/"+a.Name)
		} else {
			out = append(out, "promql/"+a.PromQL)
		}
	}
	for _, r := range x.Abort {
		out = append(out, "slo/"+r.SLO.Name)
	}
	for _, e := range x.Expect {
		out = append(out, "alert/"+e.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// instrument bounds what the load generator of the cluster may suffer.
func (s *clusterSite) instrument(scrape time.Duration) []engine.Bound {
	if s.flags.noLoad {
		return nil
	}
	return instrument(scrape)
}

func (s *clusterSite) info() result.TargetInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := result.TargetInfo{Kind: targetCluster, AlertScale: 1, Notes: []string{
		fmt.Sprintf("The cluster is that of context %s, at %s.", s.conn.Name, s.conn.Server),
		"The runner draws the targets and names them one by one in the objects that it creates.",
		"Alert windows are those of the rule files: nothing is scaled.",
	}}
	if setup := s.reached; s.ready {
		info.Cluster = &setup.facts
		info.Prometheus = result.Redact(setup.prometheus.URL)
		info.ScrapeInterval, info.EvaluationInterval = result.InSeconds(setup.scrape), result.InSeconds(setup.evaluation)
		info.Notes = append(info.Notes, "Prometheus: "+result.Redact(setup.prometheus.URL)+"; its intervals were measured.", delivered(setup.delivery))
	}
	return info
}

func (s *clusterSite) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Info("the API server was asked", "requests", s.conn.Requests(), "seconds", time.Since(s.opened).Seconds())
	if setup := s.reached; setup != nil {
		setup.cluster.Close()
		setup.client.Close()
		if setup.pager != nil {
			setup.pager.Close()
		}
	}
}

// sweepCluster removes what runs have left that nobody carries on.
func sweepCluster(ctx context.Context, c *commonFlags, log *slog.Logger) ([]fault.Residue, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	at := cluster.Open(conn, cluster.Config{Namespace: c.namespace, SystemNamespace: c.systemNamespace, Logger: log})
	defer at.Close()
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	return at.Sweep(ctx, []string{c.namespace})
}

// delivered says for a reader whether Alertmanager is asked.
func delivered(d engine.Delivery) string {
	switch {
	case d.Trouble != nil:
		return "Alertmanager cannot be asked whether alerts arrive: " + result.Redact(d.Trouble.Error()) + "."
	case d.None != "":
		return "Nobody is asked whether alerts arrive: " + d.None + "."
	}
	return "Alertmanager: " + d.From + "; it is asked whether alerts that fire arrive."
}
