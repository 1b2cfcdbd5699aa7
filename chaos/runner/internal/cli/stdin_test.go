package cli

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestTheFirstInterruptEndsTheReadingOfStdin(t *testing.T) {
	for _, command := range []string{"validate", "plan", "run"} {
		t.Run(command, func(t *testing.T) {
			in, writer := io.Pipe() // nobody writes
			defer writer.Close()
			var out, log strings.Builder
			signals := make(chan os.Signal, 1)
			signals <- os.Interrupt
			done := make(chan int)
			go func() {
				done <- serve([]string{command, "--root", "../../../..", "-"}, streams{in: in, out: &out, err: &log}, signals)
			}()
			select {
			case code := <-done:
				if code != result.Inconclusive.Exit() {
					t.Errorf("exit code %d: %s", code, log.String())
				}
			case <-time.After(time.Minute):
				t.Fatal("it still waits for a document")
			}
		})
	}
}

func TestADocumentOfStdinIsReadWhole(t *testing.T) {
	want := strings.Repeat("0123456789", 10_000)
	got, err := io.ReadAll(interruptible{t.Context(), strings.NewReader(want)})
	if err != nil || string(got) != want {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
}
