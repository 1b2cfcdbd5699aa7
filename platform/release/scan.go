package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type scanFlags struct {
	scanner, database, exceptions string
	maxAge                        time.Duration
}

func newScan(s streams, dir *string) *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use: "scan", Short: "Look for known vulnerabilities in the images; an image that cannot be scanned is never clean", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, _, err := load(*dir)
			if err != nil {
				return err
			}
			known, err := readExceptions(f.exceptions)
			if err != nil {
				return err
			}
			result, err := f.scan(cmd.Context(), *dir, r, known, time.Now())
			if err != nil {
				return err
			}
			r.Scan = &result
			if err := save(*dir, r); err != nil {
				return err
			}
			return report(s, result)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.scanner, "scanner", "bin/tools/govulncheck", "the program govulncheck")
	flags.StringVar(&f.database, "database", "https://vuln.go.dev", "the vulnerability database: a URL, also file:///DIRECTORY")
	flags.StringVar(&f.exceptions, "exceptions", "platform/release/exceptions.yaml", "file with the vulnerabilities that may be published for now, and why")
	flags.DurationVar(&f.maxAge, "max-age", 30*24*time.Hour, "how old the newest entry of the database may be")
	return cmd
}

// report prints the result of a scan, and returns the error with its exit code.
func report(s streams, r scanned) error {
	fmt.Fprintf(s.out, "%s", r.Status)
	if r.Database != "" {
		fmt.Fprintf(s.out, " by %s with %s of %s", r.Scanner, r.Database, r.Modified)
	}
	fmt.Fprintln(s.out)
	for _, note := range r.Notes {
		fmt.Fprintf(s.out, "  %s\n", note)
	}
	switch r.Status {
	case statusClean:
		return nil
	case statusVulnerable:
		return errFound
	}
	return errNotScanned
}

// scan scans every image for every architecture. One that cannot be scanned makes the whole
// "not scanned", unless another has a vulnerability. The error is about this program and its
// files; what is wrong with the scanner is in the result.
func (f scanFlags) scan(ctx context.Context, dir string, r record, known []exception, now time.Time) (scanned, error) {
	result := scanned{Status: statusClean, Notes: []string{}, Images: r.platforms()}
	unseen := func(name, arch, format string, args ...any) {
		result.Notes = append(result.Notes, fmt.Sprintf("%s for %s is not scanned: ", name, arch)+fmt.Sprintf(format, args...))
		if result.Status == statusClean {
			result.Status = statusNotScanned
		}
	}
	for _, name := range r.names() {
		for arch, p := range r.Images[name].Platforms {
			text, err := readBill(dir, name, arch, p)
			if err != nil {
				return result, err
			}
			if files := strangers(text); len(files) > 0 {
				unseen(name, arch, "the scanner reads Go programs only, and the image also holds %s", strings.Join(files, ", "))
				continue
			}
			out, err := f.ask(ctx, programFile(dir, name, arch))
			if ctx.Err() != nil {
				return result, ctx.Err()
			}
			if err != nil {
				unseen(name, arch, "%v", err)
				continue
			}
			seen, err := readFindings(out)
			if err == nil {
				err = seen.usable(now, f.maxAge)
			}
			if err != nil {
				unseen(name, arch, "%v", err)
				continue
			}
			result.Scanner, result.Database, result.Modified = seen.scanner, seen.database, seen.modified.UTC().Format(time.RFC3339)
			for _, v := range seen.vulnerabilities {
				note, excepted := v.judge(name, known, now)
				result.Notes = append(result.Notes, fmt.Sprintf("%s for %s: %s", name, arch, note))
				if !excepted {
					result.Status = statusVulnerable
				}
			}
		}
	}
	slices.Sort(result.Notes)
	return result, nil
}

// ask runs the scanner on one program.
func (f scanFlags) ask(ctx context.Context, program string) ([]byte, error) {
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, f.scanner, "-mode=binary", "-format=json", "-db="+f.database, program) //nolint:gosec // The scanner is the caller's choice.
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		said := oneLine(stderr.String())
		var missing *exec.Error
		if errors.As(err, &missing) || errors.Is(err, os.ErrNotExist) {
			said = "build it with `make bin/tools/govulncheck`"
		}
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(f.scanner), err, said)
	}
	return out.Bytes(), nil
}
