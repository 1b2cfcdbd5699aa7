package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/rules"
)

// lintError says that the linter found something.
type lintError struct{ findings int }

func (l lintError) Error() string { return fmt.Sprintf("%d findings", l.findings) }

func newSLO(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slo",
		Short: "Generate, lint and predict from the SLO documents",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSLOGenerate(s), newSLOLint(s), newSLOPredict(s), newSLOMatrix(s))
	return cmd
}

// checkSources reports wrong flags and a root without SLOs, before rules are
// generated from nothing, or those that stand are taken for stale.
func (c *commonFlags) checkSources(log *slog.Logger) error {
	if err := errors.Join(c.check(), c.checkRoot()); err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		empty bool // is fine
	}{{name: "slo"}, {name: "resource", empty: true}} {
		found, err := document.Files(filepath.Join(c.root, "alerts", d.name))
		if errors.Is(err, fs.ErrNotExist) {
			// A repository need not have rules of its own; but those that were generated
			// from some would be taken for stale.
			generated, globErr := fs.Glob(os.DirFS(c.root), "alerts/rules/prometheus/"+d.name+"-*")
			if d.empty && globErr == nil && len(generated) == 0 {
				continue
			}
			return usageError{fmt.Errorf("--root %s: %w; name the directory that has alerts/%s", c.root, err, d.name)}
		}
		if err != nil {
			return err
		}
		for _, s := range found.Skipped {
			warnSkipped(log)(s)
		}
		if len(found.Files) == 0 && !d.empty {
			return usageError{fmt.Errorf("--root %s: alerts/%s has no .yaml or .yml file; name the directory that has them", c.root, d.name)}
		}
	}
	return nil
}

func newSLOGenerate(s streams) *cobra.Command {
	var (
		common    *commonFlags
		options   rules.Options
		objects   bool
		namespace string
	)
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the rules that follow from ROOT/alerts/slo and ROOT/alerts/resource",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if namespace != "" && !objects {
				return usageError{errors.New("--namespace is where objects are: it needs --objects")}
			}
			if err := errors.Join(common.checkSources(s.logger(slog.LevelWarn)), checkRunbookBase(options)); err != nil {
				return err
			}
			if objects {
				text, err := rules.Objects(filepath.Join(common.root, "alerts"), namespace, options)
				if err != nil {
					return err
				}
				_, err = s.out.Write(text)
				return err
			}
			changed, err := rules.Generate(filepath.Join(common.root, "alerts"), options)
			for _, file := range changed {
				if _, werr := fmt.Fprintln(s.out, file); werr != nil {
					return werr
				}
			}
			return err
		},
	}
	common = (&commonFlags{set: cmd.Flags()}).rooted()
	runbookBase(cmd.Flags(), &options)
	cmd.Flags().BoolVar(&objects, "objects", false, "print PrometheusRule objects for `kubectl apply`, and write no file")
	cmd.Flags().StringVar(&namespace, "namespace", "", "namespace of the objects; by default none, which is where they are applied")
	return cmd
}

func newSLOLint(s streams) *cobra.Command {
	var (
		common  *commonFlags
		options rules.Options
		live    liveServer
	)
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Find alerts that cannot fire and rules that read metrics which do not exist",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(common.checkSources(s.logger(slog.LevelWarn)), checkRunbookBase(options), live.check()); err != nil {
				return common.refused(s, err)
			}
			log := s.logger(slog.LevelWarn)
			options.Note = func(p document.Problem) {
				log.Warn("a rule cannot do all that it should", "file", p.File, "field", p.Field, "why", p.Message)
			}
			findings, err := rules.Lint(common.root, options)
			if err != nil {
				return common.refused(s, err)
			}
			seen, err := live.lint(cmd.Context(), common.root)
			if err != nil {
				return common.refused(s, err)
			}
			findings = append(findings, seen...)
			for _, f := range findings {
				var err error
				if common.format == formatJSON {
					err = json.NewEncoder(s.out).Encode(problem(f))
				} else {
					_, err = fmt.Fprintln(s.out, f)
				}
				if err != nil {
					return err
				}
			}
			if len(findings) > 0 {
				return lintError{len(findings)}
			}
			return nil
		},
	}
	common = newFlags(cmd.Flags()).rooted()
	runbookBase(cmd.Flags(), &options)
	live.flags(cmd.Flags(), "a Prometheus that scrapes what the SLOs are about: they are compared with its series, its traffic and how long it keeps samples")
	return cmd
}

// runbookBase adds the flag that says where runbooks are read. Rules are compared with
// what would be generated, so that generate and lint take the same.
func runbookBase(f *pflag.FlagSet, o *rules.Options) {
	f.StringVar(&o.RunbookBase, "runbook-base", rules.RunbookBase, "where runbooks are read: an alert's is BASE/NAME.md, unless its document or its rule names another")
}

func checkRunbookBase(o rules.Options) error {
	if !document.WebAddress(o.RunbookBase) {
		return usageError{fmt.Errorf("--runbook-base %q is not a web address; write one that begins with https://", o.RunbookBase)}
	}
	return nil
}
