package local

import (
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine/contract"
)

func TestTheLocalTargetKeepsTheContract(t *testing.T) {
	e := start(t, nil)
	contract.Run(t, contract.Subject{
		Target:   e,
		Fault:    parse(t, podChaos("one", "  action: pod-failure\n  duration: 60s")),
		NoTarget: parse(t, "kind: PodChaos\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: nobody}}}"),
		Lose: func() {
			if err := syscall.Kill(e.keeper.cmd.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		},
		Patience: 10 * time.Second,
	})
}
