package cli

import (
	"fmt"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
)

// checkEnvironment refuses a flag whose value cannot be the name of an environment. An empty
// value is for required to report.
func checkEnvironment(flag, name string) error {
	if name == "" || attest.IsEnvironment(name) {
		return nil
	}
	return usageError{fmt.Errorf("--%s %q cannot be the name of an environment; use lower-case letters, digits and inner dashes", flag, name)}
}

// checkGitName refuses the name of a remote or branch that git would read as an option.
func checkGitName(flag, name string) error {
	if !strings.HasPrefix(name, "-") {
		return nil
	}
	return usageError{fmt.Errorf("--%s %q begins with a dash; give the name of a remote or branch", flag, name)}
}
