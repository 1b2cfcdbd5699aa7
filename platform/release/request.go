package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// printers are the commands that print a request.
const printers = "`ballast promote --pull-request` or `ballast rollback --format json`"

// longestDescription is how long the description of a pull request in Azure DevOps may be,
// in characters.
const longestDescription = 4000

// request is what `ballast promote --pull-request` or `ballast rollback --format json` prints.
type request struct {
	Changed      bool   `json:"changed"`
	Proposed     *bool  `json:"proposed"` // only of a rollback
	Why          string `json:"why"`      // a rollback is not proposed
	Environment  string `json:"environment"`
	Title        string `json:"title"`
	Description  string `json:"description"`
	SourceBranch string `json:"sourceBranch"`
	TargetBranch string `json:"targetBranch"`
	Commit       string `json:"commit"`
}

func newRequest(s streams) *cobra.Command {
	var of, program string
	cmd := &cobra.Command{
		Use: "pull-request", Short: "Open the pull request of a promotion or a rollback in Azure DevOps", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if of == "" {
				return usageError{errors.New("--of is missing: the file with what " + printers + " printed")}
			}
			data, err := os.ReadFile(of)
			if err != nil {
				return usageError{fmt.Errorf("--of: %w", err)}
			}
			var r request
			if err := json.Unmarshal(data, &r); err != nil {
				return fmt.Errorf("%w: %s is not what %s prints: %w", errInvalid, of, printers, err)
			}
			return r.open(cmd.Context(), s, program)
		},
	}
	cmd.Flags().StringVar(&of, "of", "", "file with what "+printers+" printed")
	cmd.Flags().StringVar(&program, "az", "az", "the Azure CLI with its extension azure-devops, which takes its token from AZURE_DEVOPS_EXT_PAT")
	return cmd
}

// open opens the pull request, unless its branch has one already. The error wraps
// errUnavailable or errInvalid.
func (r request) open(ctx context.Context, s streams, az string) error {
	// Whoever abandons the pull request of a rollback has decided: its branch is of one
	// promotion, and the pipeline asks every few minutes. A pair can be promoted again.
	status := "active"
	switch {
	case r.Proposed != nil && !*r.Proposed:
		_, err := fmt.Fprintf(s.out, "%s stays: %s; no pull request is needed\n", r.Environment, r.Why)
		return err
	case r.Proposed != nil:
		status = "all"
	case !r.Changed:
		_, err := fmt.Fprintf(s.out, "%s runs this pair already; no pull request is needed\n", r.Environment)
		return err
	}
	if r.Title == "" || r.SourceBranch == "" || r.TargetBranch == "" {
		return fmt.Errorf("%w: it lacks title, sourceBranch or targetBranch; run %s again", errInvalid, printers)
	}
	list, err := runAzure(ctx, az, "repos", "pr", "list", "--status="+status, "--source-branch="+r.SourceBranch, "--target-branch="+r.TargetBranch, "--output=json")
	if err != nil {
		return err
	}
	var existing []json.RawMessage
	if err := json.Unmarshal(list, &existing); err != nil {
		return fmt.Errorf("%w: `az repos pr list` printed something else than a list: %w", errUnavailable, err)
	}
	if len(existing) > 0 {
		_, err := fmt.Fprintf(s.out, "branch %s has a pull request already\n", r.SourceBranch)
		return err
	}
	if _, err := runAzure(ctx, az, "repos", "pr", "create", "--title="+r.Title, "--description="+r.brief(), "--source-branch="+r.SourceBranch, "--target-branch="+r.TargetBranch, "--output=json"); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s\n", r.SourceBranch, r.Title)
	return err
}

// brief is the description, cut to what a pull request takes. The commit has all of it.
func (r request) brief() string {
	if utf8.RuneCountInString(r.Description) <= longestDescription {
		return r.Description
	}
	rest := "\n\nThe message of commit " + r.Commit + " has the rest."
	text := []rune(r.Description)[:longestDescription-utf8.RuneCountInString(rest)]
	return string(text) + rest
}

// runAzure runs the Azure CLI.
func runAzure(ctx context.Context, az string, args ...string) ([]byte, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, az, args...) //nolint:gosec // The program is the caller's choice.
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: az %s: %w: %s", errUnavailable, strings.Join(args[:3], " "), err, oneLine(said.String()))
	}
	return out, nil
}
