package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// planned is one experiment's plan as --format json prints it.
type planned struct {
	Experiment string         `json:"experiment"`
	Faults     []plannedFault `json:"faults,omitempty"`
	Targets    int            `json:"targets"`
	Percent    float64        `json:"percent"`
	Problem    string         `json:"problem,omitempty"`
}

type plannedFault struct {
	Fault    string   `json:"fault"`
	Action   string   `json:"action"`
	Mode     string   `json:"mode"`
	Targets  []string `json:"targets"`
	Emulated string   `json:"emulated,omitempty"`
}

func newPlan(s streams, common *commonFlags, code *int) *cobra.Command {
	flags := &runFlags{rate: 10, repeat: 1, parallel: 1}
	cmd := &cobra.Command{
		Use:   "plan FILE|DIR...",
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
			xs, cat, err := common.experiments(args, selected)
			if err != nil {
				return err
			}
			site, err := newLocalSite(common, flags, cat, s.logger(slog.LevelWarn))
			if err != nil {
				return err
			}
			plans, err := plan(cmd.Context(), site, xs)
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
		got, err := p.Target.Plan(ctx, fault.RunID("plan-"+x.Name), x.Faults)
		if err != nil {
			one.Problem = err.Error()
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
	for _, f := range p.Faults {
		fmt.Fprintf(&b, "  %s %s (%s): %s\n", f.Fault, f.Action, f.Mode, strings.Join(f.Targets, ", "))
		if f.Emulated != "" {
			fmt.Fprintf(&b, "    emulated: %s\n", f.Emulated)
		}
	}
	_, err := fmt.Fprint(s.out, b.String())
	return err
}
