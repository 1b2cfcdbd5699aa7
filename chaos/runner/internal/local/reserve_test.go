package local

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestReserve(t *testing.T) {
	tests := map[string]struct {
		first, second bool // exclusive
		busy          bool
	}{
		"two runs share the machine":                 {},
		"a run that wants it alone waits for others": {second: true, busy: true},
		"others wait for a run that has it alone":    {first: true, busy: true},
		"two that want it alone take turns":          {first: true, second: true, busy: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			first, err := Reserve(t.Context(), root, tt.first)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			if tt.busy { // or it would wait until the first is released, which comes later
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 250*time.Millisecond)
				defer cancel()
			}
			second, err := Reserve(ctx, root, tt.second)
			if busy := errors.Is(err, fault.ErrBusy); busy != tt.busy {
				t.Fatalf("the second got %v, want busy %t", err, tt.busy)
			}
			if err := first(); err != nil {
				t.Error(err)
			}
			if !tt.busy {
				if err := second(); err != nil {
					t.Error(err)
				}
				return
			}
			second, err = Reserve(t.Context(), root, tt.second)
			if err != nil {
				t.Fatalf("after the release: %v", err)
			}
			if err := second(); err != nil {
				t.Error(err)
			}
		})
	}
}
