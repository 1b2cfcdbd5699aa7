//go:build e2e

package e2e

import (
	"context"
	"strconv"
	"strings"
	"testing"
)

// atRest is how much memory the platform may take, in MB. Pages that several processes
// share are counted once.
const atRest = 3000

// TestMemoryAtRest shows what each program takes.
func TestMemoryAtRest(t *testing.T) {
	skipUnless(t, on.own != nil, "a cluster whose processes can be seen; -kubeconfig names one that was there before")
	feature(t, "memory at rest",
		check{"is shown for each program, and stays within its bound", func(ctx context.Context, t *testing.T) {
			text, err := on.own.run(ctx, "memory")
			if err != nil {
				t.Fatal(err)
			}
			t.Log("\n" + text)
			total := 0.0
			for line := range strings.Lines(text) {
				if rest, ok := strings.CutPrefix(line, "in all"); ok {
					if total, err = strconv.ParseFloat(strings.Fields(rest)[0], 64); err != nil {
						t.Fatal(err)
					}
				}
			}
			if total == 0 {
				t.Error("it takes no memory at all")
			}
			figure(t, "memory in all", total, atRest, "MB")
		}},
	)
}
