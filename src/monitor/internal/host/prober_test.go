package host

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v3/disk"
)

// deadMount hangs on /dead until mended is closed, whatever its context
// says, as statfs does, and counts how often it was asked.
type deadMount struct {
	mended chan struct{}
	asked  atomic.Int64
}

func (d *deadMount) usage(_ context.Context, path string) (*disk.UsageStat, error) {
	if path == "/dead" {
		d.asked.Add(1)
		<-d.mended
	}
	return &disk.UsageStat{Total: 1}, nil
}

func TestAHangingMountCostsOneTimeoutAndOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &deadMount{mended: make(chan struct{})}
		p := newMountProber(dead.usage, time.Second)
		paths := []string{"/dead", "/good"}

		start := time.Now()
		first := p.measure(t.Context(), paths)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the first reading took %s, want the timeout of 1s", took)
		}
		if !errors.Is(first[0].err, ErrMountHangs) {
			t.Errorf("dead mount: got %v, want %v", first[0].err, ErrMountHangs)
		}
		if first[1].err != nil || first[1].usage.Total != 1 {
			t.Errorf("good mount behind a dead one: got %+v", first[1])
		}

		start = time.Now()
		second := p.measure(t.Context(), paths)
		if took := time.Since(start); took != 0 {
			t.Errorf("the second reading took %s, want none: the mount is known to hang", took)
		}
		if !errors.Is(second[0].err, ErrMountHangs) || second[1].err != nil {
			t.Errorf("second reading: got %+v", second)
		}
		if n := dead.asked.Load(); n != 1 {
			t.Errorf("the dead mount was asked %d times, want once", n)
		}

		close(dead.mended)
		synctest.Wait()
		if third := p.measure(t.Context(), paths); third[0].err != nil {
			t.Errorf("a mount that answers again: got %v", third[0].err)
		}
	})
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &deadMount{mended: make(chan struct{})}
		defer close(dead.mended)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got := newMountProber(dead.usage, time.Hour).measure(ctx, []string{"/dead"})
		if !errors.Is(got[0].err, ErrMountHangs) {
			t.Errorf("got %v, want %v", got[0].err, ErrMountHangs)
		}
	})
}
