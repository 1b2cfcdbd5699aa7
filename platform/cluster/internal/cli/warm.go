package cli

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// warm compiles what the first push will build, into the caller's own caches. Builds in
// the sandbox read those and cannot write to them: without this, every new cluster
// would compile everything again. It blocks for minutes the first time. What fails here
// fails in the push as well, and is only reported.
func (c *command) warm(ctx context.Context) {
	c.report("compiling what a push builds (minutes the first time)")
	commands := [][]string{{"list", "-deps", "-f", "", "./..."}} // fetches the modules that the push will look for
	for _, name := range images() {
		commands = append(commands, []string{"run", "-trimpath", "-buildvcs=false", "./platform/image", name})
	}
	for _, args := range commands {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = c.repository
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			c.report("go %s: %v: %s", args[0], err, strings.TrimSpace(string(out)))
		}
	}
}
