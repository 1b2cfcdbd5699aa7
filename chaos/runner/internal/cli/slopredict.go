package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/slo"
)

// fallbackInterval is how often a Prometheus scrapes and evaluates of which nothing is known.
const fallbackInterval = 30 * time.Second

// prediction is what `slo predict` is asked.
type prediction struct {
	set         *pflag.FlagSet
	ratios      []float64
	timing      slo.Timing
	environment string
	server      liveServer
}

func newSLOPredict(s streams) *cobra.Command {
	var (
		common *commonFlags
		asked  prediction
	)
	cmd := &cobra.Command{
		Use:   "predict",
		Short: "Say when each burn-rate alert fires at a steady error ratio",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(common.check(), asked.check()); err != nil {
				return err
			}
			log := s.logger(slog.LevelWarn)
			cat, err := common.catalogue(log)
			if err != nil {
				return common.refused(s, err)
			}
			if why := cmp.Or(cat.noSLOs, cat.noRules); why != "" {
				return usageError{errors.New(why)}
			}
			if err := asked.intervals(cmd.Context(), common.root, cat.slos); err != nil {
				return err
			}
			ps := cat.slos.Predictions(cat.alerts, asked.ratios, asked.timing)
			if common.format == formatJSON {
				return slo.WriteJSON(s.out, ps)
			}
			return slo.WriteText(s.out, ps)
		},
	}
	f := cmd.Flags()
	common = newFlags(f).sources()
	asked.flags(f)
	return cmd
}

func (p *prediction) flags(f *pflag.FlagSet) {
	p.set = f
	f.Float64SliceVar(&p.ratios, "error-ratio", []float64{1, 0.1, 0.01}, "share of bad events")
	f.Float64Var(&p.timing.Scale, "scale", 1, "what alert windows are divided by")
	f.DurationVar(&p.timing.Scrape, "scrape", fallbackInterval, "scrape interval; without it that of --prometheus-url, of --environment or of the chart observability, where there is one")
	f.DurationVar(&p.timing.Evaluation, "evaluation", fallbackInterval, "evaluation interval; without it found as --scrape is")
	f.DurationVar(&p.timing.GroupWait, "group-wait", 0, "how long Alertmanager collects alerts before it notifies; without it that of alerts/alertmanager, where there is one")
	f.DurationVar(&p.timing.History, "history", 0, "how far the samples of that Prometheus go back when the fault begins; 0 is as far as every window")
	f.Float64Var(&p.timing.Rate, "rate", 0, "events a second; 0 is enough for every alert's least number of bad events")
	f.StringVar(&p.environment, "environment", "", "environment in platform/argocd/environments whose intervals count")
	p.server.flags(f, "a Prometheus with these rules, whose intervals count")
}

// check refuses numbers from which nothing can be predicted.
func (p *prediction) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(p.ratios) == 0 {
		wrong("--error-ratio is empty; give a share of bad events, such as 0.1")
	}
	for _, r := range p.ratios {
		if !(r > 0 && r <= 1) {
			wrong("--error-ratio %v: want more than 0 and at most 1", r)
		}
	}
	if !(p.timing.Scale > 0) || math.IsInf(p.timing.Scale, 1) {
		wrong("--scale %v: want a number above 0; 1 leaves the windows alone", p.timing.Scale)
	}
	if p.timing.Scrape <= 0 {
		wrong("--scrape %s: want more than 0, such as 30s", p.timing.Scrape)
	}
	if !(p.timing.Rate >= 0) || math.IsInf(p.timing.Rate, 1) {
		wrong("--rate %v: want 0 or more events a second", p.timing.Rate)
	}
	if p.timing.Evaluation <= 0 {
		wrong("--evaluation %s: want more than 0, such as 30s", p.timing.Evaluation)
	}
	if p.timing.GroupWait < 0 {
		wrong("--group-wait %s: want 0 or more", p.timing.GroupWait)
	}
	if p.timing.History < 0 {
		wrong("--history %s: want 0 or more", p.timing.History)
	}
	if p.environment != "" && p.server.url != "" {
		wrong("--environment and --prometheus-url both say whose intervals count; give one of them")
	}
	if len(errs) > 0 {
		return usageError{errors.Join(errs...)}
	}
	return p.server.check()
}

// intervals fills in what was not given. It blocks while a Prometheus is asked.
func (p *prediction) intervals(ctx context.Context, root string, slos slo.Set) error {
	found, err := p.find(ctx, root, slos)
	if err != nil {
		return err
	}
	for _, v := range []struct {
		flag string
		into *time.Duration
		is   time.Duration
	}{
		{"scrape", &p.timing.Scrape, found.Scrape},
		{"evaluation", &p.timing.Evaluation, found.Evaluation},
		{"group-wait", &p.timing.GroupWait, found.GroupWait},
	} {
		if !p.set.Changed(v.flag) && v.is > 0 {
			*v.into = v.is
		}
	}
	return nil
}

func (p *prediction) find(ctx context.Context, root string, slos slo.Set) (rules.Intervals, error) {
	found, err := rules.IntervalsOf(root, p.environment)
	if errors.Is(err, fs.ErrNotExist) && p.environment != "" {
		return found, usageError{fmt.Errorf("--environment %s: %w", p.environment, err)}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	if p.server.url == "" {
		return found, nil
	}
	err = p.server.ask(ctx, func(client *prom.Client) error {
		measured, err := rules.IntervalsIn(ctx, client, slos)
		found.Scrape, found.Evaluation = measured.Scrape, measured.Evaluation
		return err
	})
	return found, err
}
