package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/policy"
)

// short is enough of a digest to see whether two are the same.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// write says in Markdown what differs.
func write(ctx context.Context, w io.Writer, environment string, before, after rendered, most int) error {
	changes := compare(before, after)
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("## What changes in %s\n", environment)
	counts := map[string]int{}
	for _, c := range changes {
		counts[c.sort()]++
	}
	line("Objects: %d before, %d after; %d new, %d changed, %d gone.", len(before.objects), len(after.objects), counts["new"], counts["changed"], counts["gone"])
	list := func(title string, lines []string, none string) {
		line("\n### %s\n", title)
		if len(lines) == 0 {
			line("%s", none)
		}
		for _, l := range lines {
			line("%s", l)
		}
	}
	list("Images", imageLines(images(before), images(after)), "No image changes.")
	list("Blast radius", reaches(changes, before, after), "No workload changes.")
	list("Data", data(changes), "Nothing that outlives a pod is touched.")
	findings, err := findingLines(before, after)
	if err != nil {
		return err
	}
	list("Policy", findings, "Every pod keeps to the rules of pod security.")
	if missing := missingLines(before, after); len(missing) > 0 {
		list("Not rendered", missing, "")
	}
	diff, err := difference(ctx, changes, most)
	if err != nil {
		return err
	}
	list("Objects", diff, "No object changes.")
	_, err = w.Write(b.Bytes())
	return err
}

func (c change) sort() string {
	switch {
	case c.was == nil:
		return "new"
	case c.is == nil:
		return "gone"
	}
	return "changed"
}

func imageLines(was, is map[string]string) []string {
	var lines []string
	where := maps.Clone(was)
	maps.Copy(where, is)
	or := func(image string) string {
		if image == "" {
			return "none"
		}
		return image
	}
	for _, at := range slices.Sorted(maps.Keys(where)) {
		if was[at] != is[at] {
			lines = append(lines, fmt.Sprintf("- %s: %s → %s", at, or(was[at]), or(is[at])))
		}
	}
	return lines
}

// findingLines are what the policy finds afterwards; what it did not find before is marked.
func findingLines(before, after rendered) ([]string, error) {
	was, _, err := findings(before)
	if err != nil {
		return nil, err
	}
	is, unknown, err := findings(after)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, f := range is {
		mark := "new: "
		if slices.Contains(was, f) {
			mark = "as before: "
		}
		lines = append(lines, "- "+mark+f.String())
	}
	return append(lines, unknown...), nil
}

func findings(all rendered) (found []policy.Finding, unknown []string, err error) {
	scheme, err := policy.Scheme()
	if err != nil {
		return nil, nil, err
	}
	var objects []policy.Object
	for _, o := range all.objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return nil, nil, fmt.Errorf("encode %s: %w", o.id(), err)
		}
		typed, err := policy.Decode(scheme, text)
		if err != nil {
			unknown = append(unknown, fmt.Sprintf("- %s is not what the API server knows: %s", o.id(), strings.Join(strings.Fields(err.Error()), " ")))
			continue
		}
		objects = append(objects, typed)
	}
	return policy.Findings(objects), unknown, nil
}

func missingLines(before, after rendered) []string {
	var lines []string
	for _, n := range before.nothing {
		lines = append(lines, "- before: "+n+" has no revision, so nothing of it runs")
	}
	for _, n := range after.nothing {
		lines = append(lines, "- after: "+n+" has no revision, so nothing of it runs")
	}
	for _, a := range after.absent {
		same := ", as before"
		if !slices.Contains(before.absent, a) {
			same = ", which it was not before"
		}
		lines = append(lines, "- "+a+same+": it is fetched when it is installed")
	}
	return lines
}

// difference compares the objects line by line.
func difference(ctx context.Context, changes []change, most int) (lines []string, err error) {
	if len(changes) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "ballast-changes-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the objects: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for side, pick := range map[string]func(change) *object{"before": func(c change) *object { return c.was }, "after": func(c change) *object { return c.is }} {
		if err := os.Mkdir(filepath.Join(dir, side), 0o700); err != nil {
			return nil, fmt.Errorf("make a directory for the objects: %w", err)
		}
		for _, c := range changes {
			if o := pick(c); o != nil {
				if err := writeObject(filepath.Join(dir, side), *o); err != nil {
					return nil, err
				}
			}
		}
	}
	out, err := diffOf(ctx, dir)
	if err != nil {
		return nil, err
	}
	all := strings.Split(strings.TrimRight(out, "\n"), "\n")
	shown := all[:min(len(all), most)]
	// A line of an object may itself begin a fence.
	lines = append([]string{"~~~~diff"}, shown...)
	lines = append(lines, "~~~~")
	if left := len(all) - len(shown); left > 0 {
		lines = append(lines, fmt.Sprintf("\n%d lines more are left out; `changes --lines=%d` shows them.", left, len(all)))
	}
	return lines, nil
}

func writeObject(dir string, o object) error {
	text, err := yaml.Marshal(masked(o).Object)
	if err != nil {
		return fmt.Errorf("encode %s: %w", o.id(), err)
	}
	file := filepath.Join(dir, filepath.FromSlash(o.id())+".yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", o.id(), err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", o.id(), err)
	}
	return nil
}

// diffOf runs git's comparison of two directories, which ends with 1 when they differ.
func diffOf(ctx context.Context, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", "diff", "--no-index", "--no-color", "--no-ext-diff", "--no-renames", "--no-prefix", "before", "after")
	cmd.Dir = dir
	// What a user has told git of colours and pagers is for a terminal.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return "", fmt.Errorf("git diff: %w: %s", err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}
