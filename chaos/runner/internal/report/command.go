package report

import (
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// commandLine is what to paste into a shell to run everything again.
func commandLine(r result.Report) string {
	var words []string
	for _, w := range r.Command {
		words = append(words, shellQuote(w))
	}
	if r.Directory == "" {
		return strings.Join(words, " ")
	}
	return "cd " + shellQuote(r.Directory) + " && " + strings.Join(words, " ")
}

// inCluster is the context of a runner that runs in the cluster: it needs no name.
const inCluster = "in-cluster"

// runAgain is the same for one experiment.
func runAgain(run result.Run, r result.Report) string {
	if len(r.Command) == 0 || run.File == "" {
		return ""
	}
	words := []string{shellQuote(r.Command[0]), "run", "--target", shellQuote(r.Target.Kind)}
	if c := r.Target.Cluster; c != nil && c.Context != inCluster {
		words = append(words, "--context", shellQuote(c.Context))
	}
	if run.Control {
		words = append(words, "--control")
	}
	command := strings.Join(append(words, shellQuote(run.File)), " ")
	if r.Directory == "" {
		return command
	}
	return "cd " + shellQuote(r.Directory) + " && " + command
}

// shellQuote quotes s for a POSIX shell when it has to be.
func shellQuote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
