package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// missing says which subcommand or flag a command line names and the program does not have.
func missing(line string) string {
	var code int
	var cmd *cobra.Command = newRoot(streams{}, &code)
	for _, word := range strings.Fields(line)[1:] {
		if name, ok := strings.CutPrefix(word, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				return "flag --" + name
			}
			continue
		}
		if !cmd.HasSubCommands() {
			continue // an argument
		}
		next, _, err := cmd.Find([]string{word})
		if err != nil || next == cmd {
			return "subcommand " + word
		}
		cmd = next
	}
	return ""
}

func TestTheCommandsOfRunbooksExist(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:`|^ {7})((?:bin/)?ballast [^`\n]+)").FindAllStringSubmatch(string(text), -1) {
			found++
			if what := missing(m[1]); what != "" {
				t.Errorf("%s: `%s`: there is no %s", file, m[1], what)
			}
		}
	}
	if found == 0 {
		t.Error("no runbook names a command of ballast")
	}
}

func TestACommandThatDoesNotExistIsMissing(t *testing.T) {
	for line, want := range map[string]string{
		"ballast sweep":                    "",
		"ballast sweep --target=cluster":   "",
		"ballast slo predict":              "",
		"ballast slo lint --root DIR":      "",
		"ballast run chaos/experiments":    "",
		"ballast sweeps":                   "subcommand sweeps",
		"ballast slo foresee":              "subcommand foresee",
		"ballast slo predict --error-rate": "flag --error-rate",
	} {
		if got := missing(line); got != want {
			t.Errorf("%s: missing is %q, want %q", line, got, want)
		}
	}
}
