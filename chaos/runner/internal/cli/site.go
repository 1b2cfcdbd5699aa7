package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// The local target's clocks: a second a scrape, and alert windows so short that
// a minute shows what an hour would.
const (
	localScrape     = time.Second
	localEvaluation = time.Second
	localAlertScale = 75
	localConfirm    = 10 * time.Second
	// localWait is how long a run waits for others to leave the machine.
	localWait = 5 * time.Minute
)

// localSite opens a fleet on this machine for every run.
type localSite struct {
	cfg   local.Config
	spent []spentBudget
	// samples is the directory to save the samples of each run in; empty: they are not saved.
	samples string
	digest  string // of the monitor's executable
}

func newLocalSite(common *commonFlags, flags *runFlags, cat catalogue, log *slog.Logger) (*localSite, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find ballast itself: %w", err)
	}
	monitor := flags.monitor
	if monitor == "" {
		monitor = filepath.Join(filepath.Dir(self), "monitor")
	}
	if info, err := os.Stat(monitor); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return nil, usageError{fmt.Errorf("the monitor binary %s is not there or cannot be executed; run `make build`, or name it with --monitor", monitor)}
	}
	spent, err := spentBudgets(flags.budgetSpent, cat.slos)
	if err != nil {
		return nil, usageError{err}
	}
	return &localSite{spent: spent, samples: flags.samples, digest: fileDigest(monitor), cfg: local.Config{
		Monitor: monitor, Self: self, RuleFiles: cat.ruleFiles, Scale: localAlertScale, Incidents: incidents(spent),
		Rate: flags.rate, Namespace: common.namespace, Scrape: localScrape, Evaluation: localEvaluation, Logger: log,
	}}, nil
}

func (*localSite) exclusive(x experiment.Experiment) bool { return local.Exclusive(x.Faults) }

func (s *localSite) open(ctx context.Context, x experiment.Experiment, exclusive bool) (*place, error) {
	waiting, cancel := context.WithTimeout(ctx, localWait)
	defer cancel()
	release, err := local.Reserve(waiting, s.cfg.TempRoot, exclusive)
	if err != nil {
		return nil, err
	}
	began := time.Now() // waiting for the machine is not the runner's own time
	cfg := s.cfg
	cfg.Logger = cfg.Logger.With("experiment", x.Name)
	env, err := local.Start(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	client, err := prom.New(prom.Config{URL: env.PrometheusURL(), Timeout: 2 * time.Second, MaxAge: 3 * localScrape})
	if err != nil {
		return nil, errors.Join(err, env.Close(ctx), release())
	}
	var kept error
	cfg.Logger.Info("fleet is ready", "prometheus", env.PrometheusURL(), "gateway", env.GatewayURL(), "directory", env.Dir())
	return &place{
		Config: engine.Config{
			Target: env, Querier: client, Began: began, Scrape: localScrape, Evaluation: localEvaluation,
			ConfirmTimeout: localConfirm, AlertScale: localAlertScale,
			Instrument: instrument(localScrape),
		},
		done: func(r result.Run) {
			if s.samples != "" {
				// Not ctx: an interrupted run keeps its samples, too.
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), samplesTimeout)
				defer cancel()
				kept = keepSamples(s.samples, r, func(w io.Writer) error { return env.Export(ctx, w) })
			}
		},
		close: func(ctx context.Context) error {
			client.Close()
			return errors.Join(kept, env.Close(ctx), release())
		},
	}, nil
}

func (*localSite) close() {}

// instrument bounds what the load generator may suffer before its numbers say more about
// the machine that it runs on than about the platform.
func instrument(scrape time.Duration) []engine.Bound {
	// After one missed scrape the newest sample is up to two intervals old, after
	// two up to three.
	lag, age := 0.1, 2.5*scrape.Seconds()
	// A generator that was replaced can leave its last sample for five minutes: the newest
	// one counts.
	return []engine.Bound{
		{Name: "send lag p99 in seconds", PromQL: `histogram_quantile(0.99, sum by (le) (rate(probe_send_lag_seconds_bucket{job="probe"}[$window])))`, Max: &lag},
		{Name: "age of the probe's newest scrape in seconds", PromQL: `max_over_time(min(time() - timestamp(up{job="probe"}))[$window:500ms])`, Max: &age},
	}
}

func (s *localSite) info() result.TargetInfo {
	info := result.TargetInfo{
		Kind: targetLocal, Monitor: s.digest, ScrapeInterval: result.Seconds(localScrape.Seconds()),
		EvaluationInterval: result.Seconds(localEvaluation.Seconds()), AlertScale: localAlertScale,
		Notes: []string{
			"The fleet is real processes on this machine: three replicas of monitor behind a gateway that balances by readiness and never retries.",
			fmt.Sprintf("Alert windows are divided by %d: 5 minutes become 4 seconds. The history that longer windows need is backfilled as healthy at the load's rate of %g requests per second.", localAlertScale, s.cfg.Rate),
			"Error budgets are not scaled: spend is a share of the SLO's real window at the baseline's request rate.",
		},
	}
	for _, b := range s.spent {
		info.Notes = append(info.Notes, fmt.Sprintf("The backfilled history has an incident, further back than burn-rate alerts look, that spent %.4g%% of the error budget of %s before the run (--budget-spent).", 100*b.share, b.slo.Name))
	}
	return info
}
