package sample

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memoryFunc is a memory source; the number of the call starts at 1.
type memoryFunc func(ctx context.Context, call int) (uint64, error)

func (f memoryFunc) collector() Collector {
	var calls atomic.Int64
	return NewMemory(source(func(ctx context.Context) (host.Memory, host.Report, error) {
		total, err := f(ctx, int(calls.Add(1)))
		return host.Memory{TotalBytes: total}, host.Report{}, err
	}))
}

type source func(ctx context.Context) (host.Memory, host.Report, error)

func (f source) Memory(ctx context.Context) (host.Memory, host.Report, error) { return f(ctx) }

// network answers at once.
type network struct{}

func (network) Network(context.Context) (host.Network, host.Report, error) {
	return host.Network{}, host.Report{}, nil
}

// start runs a sampler at 5s with a timeout of 1s until the test's end, and
// waits for the first readings that do not hang.
func start(t *testing.T, logs *bytes.Buffer, cs ...Collector) (s *Sampler, stop func()) {
	t.Helper()
	s, err := New(Config{
		Collectors: cs, Interval: 5 * time.Second, Timeout: time.Second,
		Logger: slog.New(slog.NewJSONHandler(logs, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	synctest.Wait()
	return s, func() { cancel(); <-ended }
}

func status(t *testing.T, s *Sampler, name Name) Status {
	t.Helper()
	st, ok := s.Snapshot().Status(name)
	if !ok {
		t.Fatalf("no status of %s", name)
	}
	return st
}

func TestReadingsAreTakenAtOnceAndThenEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		s, stop := start(t, &logs, memoryFunc(func(_ context.Context, call int) (uint64, error) { return uint64(call), nil }).collector())
		defer stop()
		first := s.Snapshot()
		if first.Memory.TotalBytes != 1 {
			t.Fatalf("first reading: %+v", first.Memory)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := s.Snapshot().Memory.TotalBytes; got != 3 {
			t.Errorf("after two intervals: reading %d, want 3", got)
		}
		if first.Memory.TotalBytes != 1 || first.Statuses[0].Successes != 1 {
			t.Error("a published snapshot was changed")
		}
	})
}

func TestNothingIsReadBeforeRun(t *testing.T) {
	s, err := New(Config{
		Collectors: []Collector{NewNetwork(network{}), memoryFunc(nil).collector()},
		Interval:   time.Second, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := s.Snapshot()
	if missing := got.Missing(); len(missing) != 2 || missing[0] != Memory || missing[1] != Network {
		t.Errorf("missing %v, want memory and network in their usual order", missing)
	}
	if _, ok := got.Status(CPU); ok {
		t.Error("a collector that was not chosen has a status")
	}
}

func TestAnErringCollectorKeepsItsLastGoodReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk on fire")
		var logs bytes.Buffer
		s, stop := start(t, &logs, memoryFunc(func(_ context.Context, call int) (uint64, error) {
			if call >= 2 && call <= 4 {
				return 0, broken
			}
			return uint64(call), nil
		}).collector())
		began := time.Now()
		time.Sleep(15 * time.Second)
		synctest.Wait()
		st := status(t, s, Memory)
		if !st.Stale() || !errors.Is(st.Err, broken) || st.Failures != 3 || st.Successes != 1 {
			t.Errorf("status while it fails: %+v", st)
		}
		if got := s.Snapshot().Memory.TotalBytes; got != 1 {
			t.Errorf("reading while it fails: %d, want the last good one, 1", got)
		}
		if age, ok := st.Age(time.Now()); !ok || age != 15*time.Second || !st.SampledAt.Equal(began) {
			t.Errorf("age %s, sampled at %s; want 15s and %s", age, st.SampledAt, began)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if st := status(t, s, Memory); st.Stale() || st.Err != nil || s.Snapshot().Memory.TotalBytes != 5 {
			t.Errorf("status once it works again: %+v", st)
		}
		stop()
		if got := strings.Count(logs.String(), "\n"); got != 2 {
			t.Errorf("%d log lines, want one when it begins to fail and one when it works again:\n%s", got, &logs)
		}
	})
}

func TestACollectorThatNeverGaveAReadingIsMissingNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		s, stop := start(t, &logs, memoryFunc(func(context.Context, int) (uint64, error) { return 0, errors.New("no") }).collector())
		defer stop()
		if st := status(t, s, Memory); st.Ready() || st.Stale() || st.Err == nil {
			t.Errorf("status: %+v", st)
		}
		if s.Snapshot().Memory != nil {
			t.Error("a failed reading was published")
		}
	})
}

func TestAHangingCollectorIsStaleAtItsDeadlineAndDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mended := make(chan struct{})
		var running atomic.Int64
		hanging := memoryFunc(func(_ context.Context, call int) (uint64, error) {
			if running.Add(1) > 1 {
				t.Error("a second reading was begun beside one that hangs")
			}
			defer running.Add(-1)
			if call == 2 {
				<-mended // whatever its context says
			}
			return uint64(call), nil
		})
		var logs bytes.Buffer
		s, stop := start(t, &logs, hanging.collector(), NewNetwork(network{}))
		defer stop()

		time.Sleep(5*time.Second + 999*time.Millisecond)
		synctest.Wait()
		if st := status(t, s, Memory); st.Err != nil {
			t.Errorf("before the deadline: %v", st.Err)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		st := status(t, s, Memory)
		if !errors.Is(st.Err, ErrDeadline) || !st.Stale() || st.Duration != time.Second {
			t.Errorf("at the deadline: %+v", st)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if st := status(t, s, Memory); st.Failures != 1 || s.Snapshot().Memory.TotalBytes != 1 {
			t.Errorf("while it hangs: %+v", st)
		}
		if st := status(t, s, Network); st.Successes != 8 {
			t.Errorf("its neighbour gave %d readings in 36s, want 8", st.Successes)
		}
		close(mended)
		synctest.Wait()
		if st := status(t, s, Memory); st.Err != nil || s.Snapshot().Memory.TotalBytes < 2 {
			t.Errorf("a late reading is still a good one: %+v", st)
		}
	})
}

func TestReadingTakesAtMostAQuarterOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took atomic.Int64 // nanoseconds
		took.Store(int64(2 * time.Second))
		s, err := New(Config{
			Collectors: []Collector{memoryFunc(func(context.Context, int) (uint64, error) { time.Sleep(time.Duration(took.Load())); return 1, nil }).collector()},
			Interval:   time.Second, Timeout: 3 * time.Second, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(101 * time.Second)
		synctest.Wait()
		// From the second one on, at 10s, each takes 2 of 8 seconds.
		if st := status(t, s, Memory); st.Successes != 13 || st.Interval != 8*time.Second {
			t.Errorf("%d readings in 101s, one each %s, want 13 and 8s", st.Successes, st.Interval)
		}
		took.Store(int64(time.Millisecond))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if st := status(t, s, Memory); st.Interval != time.Second || st.Successes < 20 {
			t.Errorf("once it is quick again: %d readings, one each %s", st.Successes, st.Interval)
		}
		cancel()
		<-ended
	})
}

func TestALateReadingIsRarerOnlyIfItWorked(t *testing.T) {
	for name, tt := range map[string]struct{ worked, want time.Duration }{
		"it hung":                         {time.Millisecond, time.Second},
		"it worked":                       {3 * time.Second, 12 * time.Second},
		"others worked beside it as well": {9 * time.Second, 12 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var used atomic.Int64
				s, err := New(Config{
					Collectors: []Collector{memoryFunc(func(context.Context, int) (uint64, error) {
						time.Sleep(3 * time.Second)
						used.Add(int64(tt.worked))
						return 1, nil
					}).collector()},
					Interval: time.Second, Timeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					t.Fatal(err)
				}
				s.processorTime = func() time.Duration { return time.Duration(used.Load()) }
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { s.Run(ctx); close(ended) }()
				time.Sleep(3500 * time.Millisecond)
				synctest.Wait()
				if st := status(t, s, Memory); st.Interval != tt.want || st.Successes != 1 {
					t.Errorf("%d readings, one each %s, want one and %s", st.Successes, st.Interval, tt.want)
				}
				cancel()
				<-ended
				time.Sleep(3 * time.Second) // the reading that was left behind
			})
		})
	}
}

func TestWhatItTakesToKeepAReadingCountsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{
			Collectors: []Collector{memoryFunc(func(context.Context, int) (uint64, error) { return 1, nil }).collector()},
			Interval:   time.Second, Timeout: 3 * time.Second, Logger: slog.New(slog.DiscardHandler),
			Published: func(*Snapshot) { time.Sleep(500 * time.Millisecond) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		// It is known after the first reading.
		if st := status(t, s, Memory); st.Interval != 2*time.Second {
			t.Errorf("one reading each %s, want 2s: half a second of each is a quarter", st.Interval)
		}
		cancel()
		<-ended
	})
}

func TestAPanickingCollectorFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		s, stop := start(t, &logs, memoryFunc(func(context.Context, int) (uint64, error) { panic("odd line") }).collector(), NewNetwork(network{}))
		defer stop()
		if st := status(t, s, Memory); !errors.Is(st.Err, ErrPanic) {
			t.Errorf("status: %+v", st)
		}
		if st := status(t, s, Network); !st.Ready() {
			t.Errorf("its neighbour: %+v", st)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(logs.String(), `"stack"`); n != 1 {
			t.Errorf("the stack was logged %d times in a minute, want once:\n%s", n, &logs)
		}
	})
}

func TestAFileThatCannotBeReadOnceMakesTheReadingStaleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lacks := host.Report{Files: []host.Problem{{Path: "/proc/vmstat", Reason: host.Permission, Detail: "permission denied"}}}
		call := uint64(0)
		c := NewMemory(source(func(context.Context) (host.Memory, host.Report, error) {
			call++
			if call == 2 || call >= 4 {
				return host.Memory{TotalBytes: call}, lacks, nil
			}
			return host.Memory{TotalBytes: call, Swap: host.Swap{InBytes: new(12288 + call)}}, host.Report{}, nil
		}))
		var logs bytes.Buffer
		s, stop := start(t, &logs, c)
		defer stop()
		for i, want := range []struct {
			total uint64
			in    *uint64
			state State
		}{
			{1, new(uint64(12289)), OK},
			{1, new(uint64(12289)), Stale},
			{3, new(uint64(12291)), OK},
			{3, new(uint64(12291)), Stale},
			{5, nil, OK},
			{6, nil, OK},
		} {
			m, st := s.Snapshot().Memory, status(t, s, Memory)
			if m.TotalBytes != want.total || (m.Swap.InBytes == nil) != (want.in == nil) || want.in != nil && *m.Swap.InBytes != *want.in || st.State() != want.state {
				t.Errorf("interval %d: %+v, %s, want %+v", i, m, st.State(), want)
			}
			if st.State() == Stale && !strings.Contains(st.Err.Error(), "/proc/vmstat") {
				t.Errorf("interval %d: error %v", i, st.Err)
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		if st := status(t, s, Memory); len(st.Problems) != 1 || st.Problems[0].Path != "/proc/vmstat" {
			t.Errorf("problems %+v", st.Problems)
		}
		if n := strings.Count(logs.String(), "its figures are absent"); n != 1 {
			t.Errorf("the file was named %d times in the log, want once:\n%s", n, &logs)
		}
	})
}

func TestSkippedLinesAreCountedEachTimeAndLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		s, stop := start(t, &logs, NewMemory(source(func(context.Context) (host.Memory, host.Report, error) {
			return host.Memory{}, host.Report{Skipped: []host.SkippedLine{{File: "f", Subject: "ppp0", Text: time.Now().String()}}}, nil
		})))
		defer stop()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if st := status(t, s, Memory); st.LinesSkipped != 5 || st.State() != OK {
			t.Errorf("status %+v, want five lines", st)
		}
		if n := strings.Count(logs.String(), "ppp0") + strings.Count(logs.String(), "a line cannot be read"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, &logs)
		}
	})
}

func TestTheLogOfOneCollectorIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var report host.Report
		for i := range 10_000 {
			report.Mounts = append(report.Mounts, host.Problem{Path: strings.Repeat("x", i), Reason: host.NotVisible})
		}
		var logs bytes.Buffer
		_, stop := start(t, &logs, NewMemory(source(func(context.Context) (host.Memory, host.Report, error) {
			return host.Memory{}, report, nil
		})))
		stop()
		if n := strings.Count(logs.String(), "\n"); n != maxSaid+1 {
			t.Errorf("%d lines, want %d and one that says that there are more", n, maxSaid)
		}
	})
}

func TestUnsupportedIsNeitherWaitedForNorAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := fmt.Errorf("no such file: %w", host.ErrUnsupported)
		missing := memoryFunc(func(_ context.Context, call int) (uint64, error) {
			if call == 3 {
				return 1, nil
			}
			return 0, gone
		})
		var logs bytes.Buffer
		s, stop := start(t, &logs, missing.collector(), NewNetwork(network{}))
		defer stop()
		if st := status(t, s, Memory); st.State() != Unsupported || s.Snapshot().Missing() != nil {
			t.Errorf("status %+v, missing %v", st, s.Snapshot().Missing())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := status(t, s, Memory); st.State() != OK {
			t.Errorf("once it is there: %+v", st)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if st := status(t, s, Memory); st.State() != Stale || st.Unsupported {
			t.Errorf("what was read once and is gone is a failure: %+v", st)
		}
	})
}

func TestWhereNothingIsSupportedAllIsMissing(t *testing.T) {
	s := &Snapshot{Statuses: []Status{{Name: CPU, Unsupported: true}, {Name: Memory, Unsupported: true}}}
	if got := s.Missing(); len(got) != 2 {
		t.Errorf("missing %v, want both", got)
	}
	s.Statuses[0] = Status{Name: CPU}
	if got := s.Missing(); len(got) != 1 || got[0] != CPU {
		t.Errorf("missing %v, want the one that was not tried", got)
	}
}

func TestRunWaitsForReadingsThatEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		var logs bytes.Buffer
		s, stop := start(t, &logs, memoryFunc(func(ctx context.Context, _ int) (uint64, error) {
			<-ctx.Done()
			time.Sleep(time.Millisecond)
			ended = true
			return 0, ctx.Err()
		}).collector())
		stop()
		if !ended {
			t.Error("Run returned before its reading did")
		}
		if st := status(t, s, Memory); st.Err != nil {
			t.Errorf("being stopped was taken for a failure: %v", st.Err)
		}
	})
}

func TestRunLeavesAHangingReadingBehindAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var logs bytes.Buffer
		_, stop := start(t, &logs, memoryFunc(func(context.Context, int) (uint64, error) { <-release; return 0, nil }).collector())
		began := time.Now()
		stop()
		if took := time.Since(began); took != time.Second {
			t.Errorf("Run ended after %s, want 1s", took)
		}
		var line struct{ Collector string }
		if err := json.Unmarshal(logs.Bytes(), &line); err != nil || line.Collector != "memory" {
			t.Errorf("log %q (%v), want one line that names memory", &logs, err)
		}
	})
}

func TestNewNamesEveryMissingThing(t *testing.T) {
	c := NewNetwork(network{})
	_, err := New(Config{Collectors: []Collector{c, c}})
	for _, want := range []string{"twice", "interval", "timeout", "logger"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not speak of %q", err, want)
		}
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "no collector") {
		t.Errorf("without collectors: %v", err)
	}
}

func TestEachSnapshotIsGivenOnInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given []*Snapshot
		s, err := New(Config{
			Collectors: []Collector{
				NewNetwork(network{}),
				memoryFunc(func(_ context.Context, call int) (uint64, error) { return uint64(call), nil }).collector(),
			},
			Interval: time.Second, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
			Published: func(next *Snapshot) { given = append(given, next) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 9500*time.Millisecond)
		defer cancel()
		s.Run(ctx)
		if len(given) != 20 || given[19] != s.Snapshot() {
			t.Fatalf("%d snapshots, want 20, the newest last", len(given))
		}
		for i, next := range given {
			reads := uint64(0)
			for _, st := range next.Statuses {
				reads += st.Successes
			}
			if reads != uint64(i+1) {
				t.Errorf("snapshot %d holds %d readings", i, reads)
			}
		}
	})
}
