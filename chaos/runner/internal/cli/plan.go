package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// planned is one experiment's plan as --format json prints it.
type planned struct {
	Experiment string         `json:"experiment"`
	Faults     []plannedFault `json:"faults,omitempty"`
	Targets    int            `json:"targets"`
	Percent    float64        `json:"percent"`
	Baseline   phaseLength    `json:"baseline"`
	Observe    held           `json:"observe"`
	Recover    phaseLength    `json:"recover"`
	Alerts     []plannedAlert `json:"alerts,omitempty"`
	Advice     []string       `json:"advice,omitempty"`
	survey
	Problem string `json:"problem,omitempty"`
}

// adviser is a target that knows what a person should know before a plan is carried out.
type adviser interface {
	Advice(ctx context.Context, p fault.Plan) []string
}

// phaseLength is how long a phase lasts, in seconds, and how much of that was
// added to what the author asked for.
type phaseLength struct {
	Seconds    float64 `json:"seconds"`
	Lengthened float64 `json:"lengthened,omitempty"`
}

func length(asked, lasts result.Seconds) phaseLength {
	return phaseLength{Seconds: float64(lasts), Lengthened: float64(lasts - asked)}
}

type plannedFault struct {
	Fault    string   `json:"fault"`
	Action   string   `json:"action"`
	Mode     string   `json:"mode"`
	Targets  []string `json:"targets"`
	Emulated string   `json:"emulated,omitempty"`
}

func newPlan(s streams, code *int) *cobra.Command {
	var common *commonFlags
	flags := &runFlags{rate: 10, repeat: 1, parallel: 1, plans: true}
	cmd := &cobra.Command{
		Use:   "plan FILE|DIR|-...",
		Short: "Resolve the targets and show the blast radius; inject nothing",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := common.check(); err != nil {
				return err
			}
			selected, err := selector(flags.selected)
			if err != nil {
				return err
			}
			log := s.logger(slog.LevelWarn)
			xs, cat, err := common.experiments(s, log, args, selected)
			if err != nil {
				return err
			}
			site, err := openSite(common, flags, cat, log)
			if err != nil {
				return err
			}
			defer site.close()
			plans, err := plan(cmd.Context(), knowing{site, cat.alerts}, xs)
			if err != nil {
				return err
			}
			for _, p := range plans {
				if p.Problem != "" {
					*code = result.Inconclusive.Exit() // what a run of it would end with
				}
				if err := printPlan(s, common.format, p); err != nil {
					return err
				}
			}
			return nil
		},
	}
	common = newFlags(cmd.Flags()).sources().targets(s)
	cmd.Flags().StringArrayVar(&flags.selected, "select", nil, "plan only experiments with this label, KEY=VALUE; may be repeated")
	cmd.Flags().StringVar(&flags.monitor, "monitor", "", "the monitor binary (target local; default: beside ballast)")
	return cmd
}

// plan resolves every experiment against one place. What would keep a run from
// its work is a problem of the experiment; the error is an interrupt or internal.
func plan(ctx context.Context, at site, xs []experiment.Experiment) (_ []planned, err error) {
	out := make([]planned, 0, len(xs))
	p, err := at.open(ctx, xs[0], false)
	if ctx.Err() != nil {
		err = errors.Join(fmt.Errorf("interrupted while the target was started: %w", ctx.Err()), err)
		if p != nil {
			err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
		}
		return nil, err
	}
	if err != nil {
		for _, x := range xs {
			out = append(out, planned{Experiment: x.Name, Problem: err.Error()})
		}
		return out, nil
	}
	defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
	for _, x := range xs {
		one := planned{Experiment: x.Name}
		spec := engine.Resolve(p.Config, x)
		t := spec.Timing
		one.Baseline, one.Recover = length(t.AskedBaseline, t.Baseline), length(t.AskedRecover, t.Recover)
		one.Observe, one.Alerts = heldFor(&spec), plannedAlerts(&spec)
		blind := false
		if p.survey != nil {
			one.survey = p.survey(ctx, x)
			one.Problem, blind = one.survey.problem, one.survey.blind
		}
		if blind {
			out = append(out, one)
			continue
		}
		got, err := p.Target.Plan(ctx, fault.RunID("plan-"+x.Name), x.Faults)
		if err != nil {
			one.Problem = both(one.Problem, err.Error())
		} else if short := judge.TooShort(&spec); len(short) > 0 {
			one.Problem = both(one.Problem, strings.Join(short, "; "))
		}
		if a, ok := p.Target.(adviser); ok && err == nil {
			one.Advice = a.Advice(ctx, got)
		}
		radius := got.Radius()
		one.Targets, one.Percent = radius.Targets, radius.Percent
		for _, f := range got.Faults {
			pf := plannedFault{Fault: f.Fault.ID(), Action: f.Fault.Action, Mode: string(f.Fault.Selector.Mode), Emulated: f.Emulated}
			for _, t := range f.Targets {
				pf.Targets = append(pf.Targets, t.ID())
			}
			if len(f.Targets) == 0 && one.Problem == "" {
				one.Problem = fmt.Sprintf("%s: %v", pf.Fault, fault.ErrNoTarget)
			}
			one.Faults = append(one.Faults, pf)
		}
		out = append(out, one)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted: %w", ctx.Err())
		}
	}
	return out, nil
}

func printPlan(s streams, format string, p planned) error {
	if format == formatJSON {
		return json.NewEncoder(s.out).Encode(p)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", p.Experiment)
	if p.Problem != "" {
		fmt.Fprintf(&b, "cannot run: %s\n", p.Problem)
	} else {
		fmt.Fprintf(&b, "%d targets, %.3g%% of the workload\n", p.Targets, p.Percent)
	}
	for _, phase := range []struct {
		name string
		phaseLength
	}{{"baseline", p.Baseline}, {"recover", p.Recover}} {
		if phase.Lengthened > 0 {
			fmt.Fprintf(&b, "  %s lasts %g s, %g s longer than asked for: the scrape interval needs it\n", phase.name, phase.Seconds, phase.Lengthened)
		}
	}
	printAlerts(&b, p)
	for _, f := range p.Faults {
		fmt.Fprintf(&b, "  %s %s (%s): %s\n", f.Fault, f.Action, f.Mode, strings.Join(f.Targets, ", "))
		if f.Emulated != "" {
			fmt.Fprintf(&b, "    emulated: %s\n", f.Emulated)
		}
	}
	p.print(&b)
	for _, a := range p.Advice {
		fmt.Fprintf(&b, "  note: %s\n", a)
	}
	_, err := fmt.Fprint(s.out, b.String())
	return err
}
