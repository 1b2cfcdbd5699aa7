package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

func (d *deadMount) measure(_ context.Context, path string, _ chosenMount, _ map[uint64]mount) (*disk.UsageStat, error) {
	if path == "/panic" {
		panic("odd")
	}
	if path == "/dead" {
		d.asked.Add(1)
		<-d.mended
	}
	return &disk.UsageStat{Total: 1}, nil
}

func on(device, path string) probe {
	return probe{path: path, want: chosenMount{mount: mount{device: device}}}
}

func TestAHangingFileSystemCostsOneGoroutineHoweverOftenItIsMounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &deadMount{mended: make(chan struct{})}
		defer close(dead.mended)
		p := newMountProber(dead.measure, time.Second)
		var probes []probe
		for range 10_500 {
			probes = append(probes, on("0:1", "/dead"))
		}
		probes = append(probes, on("0:2", "/good"))
		for range 2 {
			got := p.measure(t.Context(), probes, nil)
			if n := dead.asked.Load(); n != 1 {
				t.Fatalf("the dead file system was asked %d times, want once", n)
			}
			for i, a := range got[:len(got)-1] {
				if !errors.Is(a.err, ErrMountHangs) {
					t.Fatalf("mount %d: %+v", i, a)
				}
			}
			if last := got[len(got)-1]; last.err != nil {
				t.Errorf("its neighbour: %v", last.err)
			}
		}
	})
}

func TestHangingFileSystemsAreBoundedAndTheRestSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &deadMount{mended: make(chan struct{})}
		defer close(dead.mended)
		p := newMountProber(dead.measure, time.Second)
		var probes []probe
		for i := range maxProbes + 10 {
			probes = append(probes, on(fmt.Sprintf("0:%d", i), "/dead"))
		}
		got := p.measure(t.Context(), probes, nil)
		if n := dead.asked.Load(); n != maxProbes {
			t.Errorf("%d file systems were asked, want %d", n, maxProbes)
		}
		if err := got[len(got)-1].err; !errors.Is(err, errTooManyHang) || !errors.Is(err, ErrMountHangs) {
			t.Errorf("the last one: %v", err)
		}
	})
}

func TestAPanicOfTheLibraryCostsOneMount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newMountProber((&deadMount{}).measure, time.Second)
		got := p.measure(t.Context(), []probe{on("0:1", "/panic"), on("0:1", "/good")}, nil)
		if got[0].err == nil || !strings.Contains(got[0].err.Error(), "odd") || got[1].err != nil {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAHangingMountCostsOneTimeoutAndOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &deadMount{mended: make(chan struct{})}
		p := newMountProber(dead.measure, time.Second)
		paths := []probe{on("0:1", "/dead"), on("0:2", "/good")}

		start := time.Now()
		first := p.measure(t.Context(), paths, nil)
		if took := time.Since(start); took != time.Second+handover {
			t.Errorf("the first reading took %s, want the timeout of 1s after its neighbour's answer", took)
		}
		if !errors.Is(first[0].err, ErrMountHangs) {
			t.Errorf("dead mount: got %v, want %v", first[0].err, ErrMountHangs)
		}
		if first[1].err != nil || first[1].usage.Total != 1 {
			t.Errorf("good mount behind a dead one: got %+v", first[1])
		}

		start = time.Now()
		second := p.measure(t.Context(), paths, nil)
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
		if third := p.measure(t.Context(), paths, nil); third[0].err != nil {
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
		got := newMountProber(dead.measure, time.Hour).measure(ctx, []probe{on("0:1", "/dead")}, nil)
		if !errors.Is(got[0].err, ErrMountHangs) {
			t.Errorf("got %v, want %v", got[0].err, ErrMountHangs)
		}
	})
}
