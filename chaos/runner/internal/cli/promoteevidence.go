package cli

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/report"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/document"
)

// maxDescription bounds what a commit says about the objects, in bytes.
const maxDescription = 1 << 20

// problem1 is the one problem of a file.
func problem1(file string, err error) error {
	return document.Problems{{File: file, Message: err.Error()}}
}

// readDocument reads a document of the repository's files in a directory.
func readDocument[T any](dir, file string, read func(string, []byte) (T, error)) (T, error) {
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
	if err != nil {
		var none T
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("the file does not exist; an environment that takes promotions needs promotion.yaml and pair.yaml")
		}
		return none, problem1(file, err)
	}
	return read(file, data)
}

// evidence asks the registry for the images, their signatures and the verdicts.
func (p *promoter) evidence(ctx context.Context, c *promotion.Change) error {
	keys, err := p.keys(c.Policy.Keys)
	if err != nil {
		return err
	}
	var errs []error
	opened := map[string]attest.Repository{}
	for _, name := range slices.Sorted(maps.Keys(c.Policy.Images)) {
		repo, err := attest.Open(p.flags.registry+"/"+c.Policy.Images[name], p.flags.access)
		if err != nil {
			return usageError{fmt.Errorf("--registry %s, image %s: %w", p.flags.registry, name, err)}
		}
		opened[name] = repo
		err = repo.Exists(ctx, c.After.Images[name])
		if err == nil && len(keys) > 0 {
			err = repo.Signed(ctx, c.After.Images[name], keys)
		}
		if unavailable(err) {
			return fmt.Errorf("image %s: %w", name, err)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("image %s: %w", name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return p.wrong(err)
	}
	if c.Policy.Verdicts == nil {
		return nil
	}
	return p.decide(ctx, c, opened[c.Policy.Verdicts.Of], keys)
}

// decide weighs the attached verdicts. The error is heldBackError unless they pass.
func (p *promoter) decide(ctx context.Context, c *promotion.Change, repo attest.Repository, keys []crypto.PublicKey) error {
	policy := *c.Policy.Verdicts
	wanted, err := p.experiments(policy.Experiments)
	if err != nil {
		return err
	}
	image := c.After.Images[policy.Of]
	attached, unreadable, err := repo.List(ctx, image)
	if err != nil {
		return fmt.Errorf("the verdicts of %s: %w", policy.Of, err)
	}
	q := promotion.Question{
		Revision: c.After.Revision, Image: image, Environment: c.From, Policy: policy, Wanted: wanted, Now: c.Now, Hardly: report.Hardly,
	}
	var down error
	if policy.Signed {
		q.Signed = func(digest string) error {
			err := repo.Signed(ctx, digest, keys)
			if unavailable(err) {
				down = errors.Join(down, err)
			}
			return err
		}
	}
	d := promotion.Decide(q, attached, unreadable)
	if down != nil {
		return down
	}
	c.Decision = &d
	if d.Verdict != result.Pass {
		return heldBackError{d.Verdict, *c}
	}
	return nil
}

// keys reads public keys of the repository.
func (p *promoter) keys(files []string) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for _, file := range files {
		key, err := readDocument(p.dir, file, func(_ string, data []byte) (crypto.PublicKey, error) { return attest.ParseKey(data) })
		if err != nil {
			return nil, together(problem1(file, err))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// experiments reads the list as the repository has it.
func (p *promoter) experiments(files []string) ([]promotion.Wanted, error) {
	rooted := *p.common
	rooted.root = p.dir
	paths := make([]string, 0, len(files))
	for _, file := range files {
		paths = append(paths, filepath.Join(p.dir, filepath.FromSlash(file)))
	}
	xs, _, err := rooted.experiments(streams{in: p.s.in, out: nowhere{}, err: p.s.err}, p.s.logger(slog.LevelWarn), paths, nil)
	var found document.Problems
	switch {
	case errors.As(err, &found):
		for i := range found {
			found[i].File = strings.TrimPrefix(found[i].File, p.dir+string(filepath.Separator))
		}
		return nil, found
	case errors.Is(err, experiment.ErrNoExperiment):
		return nil, problem1(promotion.PolicyFile(p.flags.to), errors.New(strings.ReplaceAll(err.Error(), p.dir+string(filepath.Separator), "")))
	case err != nil:
		return nil, err
	}
	var wanted []promotion.Wanted
	for _, x := range xs {
		faults := make([]string, 0, len(x.Faults))
		for _, f := range x.Faults {
			faults = append(faults, result.Redact(f.YAML)) // as the evidence shows it
		}
		wanted = append(wanted, promotion.Wanted{
			Name: x.Name, File: strings.TrimPrefix(x.File, p.dir+string(filepath.Separator)),
			Digest: attest.DocumentDigest(result.Redact(x.YAML), faults), Weaker: weaker(x),
		})
	}
	return wanted, nil
}

// nowhere takes what is said and keeps nothing.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// weaker compares what a run was judged by with what the document asks for, on the clocks
// of the run: the same text may have been read with other SLOs.
func weaker(x experiment.Experiment) func(result.Run) error {
	return func(run result.Run) error {
		t := run.Spec.Timing
		want := engine.Resolve(engine.Config{Scrape: t.Scrape.Duration(), Evaluation: t.Evaluation.Duration()}, x)
		want.Timing.Confirm = t.Confirm
		errs := leftFiring(run.Spec.Expect)
		for _, part := range []struct {
			name      string
			want, got any
		}{
			{"SLOs", want.SLOs, run.Spec.SLOs},
			{"values", want.Values, run.Spec.Values},
			{"expected alerts", bounds(want.Expect), bounds(run.Spec.Expect)},
			{"forbidden alerts", want.Forbid, run.Spec.Forbid},
			{"guard rails", want.Rails, run.Spec.Rails},
			{"blast radius", want.Radius, run.Spec.Radius},
			{"times", want.Timing, t},
		} {
			a, err := json.Marshal(part.want)
			if err != nil {
				return fmt.Errorf("encode the %s: %w", part.name, err)
			}
			b, err := json.Marshal(part.got)
			if err != nil {
				return fmt.Errorf("encode the %s: %w", part.name, err)
			}
			if !bytes.Equal(a, b) {
				errs = append(errs, fmt.Errorf("its %s differ", part.name))
			}
		}
		return errors.Join(errs...)
	}
}

// leftFiring finds alerts whose end could be predicted, but the run did not wait for it.
func leftFiring(list []result.ExpectedAlert) (errs []error) {
	for _, e := range list {
		if e.Forecast != nil && e.ResolvesWithin == 0 {
			errs = append(errs, fmt.Errorf("it did not wait for the end of the alert %s (--leave-firing)", e.Name))
		}
	}
	return errs
}

// bounds are the expected alerts with only the bounds of the document: those that the rules
// predict depend on the target.
func bounds(list []result.ExpectedAlert) []result.ExpectedAlert {
	out := []result.ExpectedAlert{}
	for _, e := range list {
		b := result.ExpectedAlert{Name: e.Name, Match: e.Match}
		if !e.WithinPredicted {
			b.Within = e.Within
		}
		if !e.ResolvesPredicted {
			b.ResolvesWithin = e.ResolvesWithin
		}
		out = append(out, b)
	}
	return out
}

// describe asks the program that knows charts what a tree changes.
func (p *promoter) describe(ctx context.Context, environment, tree string) (string, error) {
	program := p.flags.changes
	if !filepath.IsAbs(program) {
		program = filepath.Join(p.common.root, program)
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return "", fmt.Errorf("--changes: %w", err)
	}
	if _, err := os.Stat(program); err != nil {
		return "", usageError{fmt.Errorf("--changes: %w; build it with `make changes`, or name it", err)}
	}
	cmd := exec.CommandContext(ctx, program, "--root", p.common.root, "--environment", environment, p.base, tree) //nolint:gosec // It is what the user named.
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("what it changes is not known: %s: %w: %s", p.flags.changes, err, strings.TrimSpace(errOut.String()))
	}
	if out.Len() > maxDescription {
		return "", fmt.Errorf("what it changes takes %d bytes to say, and a commit has room for %d", out.Len(), maxDescription)
	}
	return out.String(), nil
}
