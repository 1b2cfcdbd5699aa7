package sample

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// script answers each call for times with the next row, and then with the
// last one for ever.
type script struct {
	mu     sync.Mutex
	rows   [][]host.CoreTimes
	load   *host.Load
	report host.Report

	pressure *host.Pressure
	hertz    map[string]float64
}

func (s *script) CPUTimes(context.Context) ([]host.CoreTimes, host.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.rows[0]
	if len(s.rows) > 1 {
		s.rows = s.rows[1:]
	}
	return row, host.Report{}, nil
}

func (s *script) Load(context.Context) (*host.Load, host.Report) { return s.load, s.report }

func (s *script) CPUPressure(context.Context) (*host.Pressure, host.Report) {
	return s.pressure, host.Report{}
}

func (s *script) Frequencies(context.Context, []host.CoreTimes) (map[string]float64, host.Report) {
	return s.hertz, host.Report{}
}

func core(id string, user, idle float64) host.CoreTimes {
	return host.CoreTimes{ID: id, CPUTimes: host.CPUTimes{User: user, Idle: idle}}
}

// read does one reading as the sampler would.
func read(t *testing.T, c Collector) (*CPUReading, error) {
	t.Helper()
	r, err := c.read(t.Context())
	if err != nil {
		return nil, err
	}
	var s Snapshot
	r.put(&s)
	return s.CPU, nil
}

func TestTheFirstUsageComesAfterTheGapNotTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &script{rows: [][]host.CoreTimes{{core("0", 10, 10)}, {core("0", 10.25, 10.75)}, {core("0", 14.25, 10.75)}}}
		var logs bytes.Buffer
		began := time.Now().UTC()
		s, stop := start(t, &logs, NewCPU(src, 50*time.Millisecond))
		defer stop()
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		got := s.Snapshot().CPU
		if got == nil {
			t.Fatal("no reading after the gap")
		}
		if got.Usage.Busy != 25 || !got.Since.Equal(began) || got.Until.Sub(got.Since) != 50*time.Millisecond {
			t.Errorf("first reading: %+v", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		next := s.Snapshot().CPU
		if next.Usage.Busy != 100 || !next.Since.Equal(got.Until) {
			t.Errorf("second reading is %v since %s, want 100 since the end of the first, %s", next.Usage.Busy, next.Since, got.Until)
		}
	})
}

func TestCPUReading(t *testing.T) {
	usage := func(busy float64) *host.CPUUsage {
		return &host.CPUUsage{Busy: busy, User: busy, Idle: 100 - busy}
	}
	for name, tc := range map[string]struct {
		before, now []host.CoreTimes
		total       *host.CPUUsage
		cores       []CoreReading
	}{
		"the whole is weighed by time, not by processor": {
			before: []host.CoreTimes{core("0", 0, 0), core("1", 0, 0)},
			now:    []host.CoreTimes{core("0", 3, 0), core("1", 0, 1)},
			total:  usage(75),
			cores: []CoreReading{
				{ID: "0", Usage: usage(100), Times: &host.CPUTimes{User: 3}},
				{ID: "1", Usage: usage(0), Times: &host.CPUTimes{Idle: 1}},
			},
		},
		"a processor that came online has times but no usage yet": {
			before: []host.CoreTimes{core("0", 0, 0)},
			now:    []host.CoreTimes{core("0", 1, 1), core("1", 7, 7)},
			total:  usage(50),
			cores: []CoreReading{
				{ID: "0", Usage: usage(50), Times: &host.CPUTimes{User: 1, Idle: 1}},
				{ID: "1", Times: &host.CPUTimes{User: 7, Idle: 7}},
			},
		},
		"a processor that was reset has no usage for that interval": {
			before: []host.CoreTimes{core("0", 0, 0), core("1", 50, 50)},
			now:    []host.CoreTimes{core("0", 1, 3), core("1", 1, 1)},
			total:  usage(25),
			cores: []CoreReading{
				{ID: "0", Usage: usage(25), Times: &host.CPUTimes{User: 1, Idle: 3}},
				{ID: "1", Times: &host.CPUTimes{User: 1, Idle: 1}},
			},
		},
		"a processor whose counters jump has neither usage nor times": {
			before: []host.CoreTimes{core("0", 0, 0), core("1", 50, 50)},
			now:    []host.CoreTimes{core("0", 1, 3), core("1", 5000, 50)},
			total:  usage(25),
			cores:  []CoreReading{{ID: "0", Usage: usage(25), Times: &host.CPUTimes{User: 1, Idle: 3}}, {ID: "1"}},
		},
		"when every processor was reset there is no usage at all": {
			before: []host.CoreTimes{core("0", 50, 50)},
			now:    []host.CoreTimes{core("0", 1, 1)},
			cores:  []CoreReading{{ID: "0", Times: &host.CPUTimes{User: 1, Idle: 1}}},
		},
		"a processor that went offline is gone": {
			before: []host.CoreTimes{core("0", 0, 0), core("1", 0, 0)},
			now:    []host.CoreTimes{core("0", 1, 0)},
			total:  usage(100),
			cores:  []CoreReading{{ID: "0", Usage: usage(100), Times: &host.CPUTimes{User: 1}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := read(t, NewCPU(&script{rows: [][]host.CoreTimes{tc.before, tc.now}}, 5*time.Second))
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tc.total, got.Usage); d != "" {
					t.Errorf("usage (-want +got):\n%s", d)
				}
				if d := cmp.Diff(tc.cores, got.Cores); d != "" {
					t.Errorf("cores (-want +got):\n%s", d)
				}
			})
		})
	}
}

// rows reads row after row, each five seconds after the one before, and
// returns the readings; nil for a failed one.
func rows(t *testing.T, rows ...host.CPUTimes) []*CPUReading {
	t.Helper()
	src := &script{}
	for _, r := range rows {
		src.rows = append(src.rows, []host.CoreTimes{{ID: "0", CPUTimes: r}})
	}
	c := NewCPU(src, 5*time.Second)
	var got []*CPUReading
	for i := 1; i < len(rows); i++ {
		r, _ := read(t, c)
		got = append(got, r)
		time.Sleep(5 * time.Second)
	}
	return got
}

func TestOneIntervalIsLostThenTheFiguresAreRightAgain(t *testing.T) {
	const ticks = 0.01
	for name, tc := range map[string]struct {
		rows []host.CPUTimes
		busy []float64 // after each row but the first; -1 for none
		idle []float64 // as shown; -1 for none
	}{
		"every counter restarts lower, then advances": {
			[]host.CPUTimes{{User: 500, System: 90, Idle: 4000}, {User: 1, System: 1, Idle: 1}, {User: 2, System: 1, Idle: 4}, {User: 6, System: 1, Idle: 5}},
			[]float64{-1, 25, 80},
			[]float64{1, 4, 5},
		},
		"a processor that comes back within the interval": {
			[]host.CPUTimes{
				{User: 90050 * ticks, Idle: 250 * ticks},
				{User: 5 * ticks, Idle: 5 * ticks},
				{User: 105 * ticks, Idle: 105 * ticks},
				{User: 155 * ticks, Idle: 305 * ticks},
			},
			[]float64{-1, 50, 20},
			[]float64{0.05, 1.05, 3.05},
		},
		"steal that wraps and stays so": {
			[]host.CPUTimes{{Idle: 100}, {Idle: 105, Steal: 1.8e11}, {Idle: 108, Steal: 1.8e11 + 1}},
			[]float64{-1, 25},
			[]float64{-1, 108},
		},
		"steal that wraps and comes back": {
			[]host.CPUTimes{{Idle: 100}, {Idle: 105, Steal: 1.8e11}, {Idle: 110}, {Idle: 113, User: 1}},
			[]float64{-1, -1, 25},
			[]float64{-1, 110, 113},
		},
		"iowait that goes back by little is held, and the share is right": {
			[]host.CPUTimes{{Idle: 100, IOWait: 50}, {Idle: 106, IOWait: 48, User: 1}, {Idle: 109, IOWait: 49, User: 1}},
			[]float64{20, 0},
			[]float64{106, 109},
		},
		"idle that goes back by little is held until it catches up": {
			[]host.CPUTimes{{Idle: 100, User: 1}, {Idle: 99, User: 2}, {Idle: 100.5, User: 5.5}},
			[]float64{-1, 70},
			[]float64{99, 100.5}, // the first row is never shown, so there is nothing to hold at
		},
		"idle that was shown is held": {
			[]host.CPUTimes{{Idle: 95}, {Idle: 100}, {Idle: 99, User: 5}, {Idle: 99.5, User: 9.5}, {Idle: 101, User: 13}},
			[]float64{0, 100, 90, 70},
			[]float64{100, 100, 100, 101},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i, r := range rows(t, tc.rows...) {
					if r == nil {
						t.Fatalf("row %d: the reading failed", i+1)
					}
					busy, idle := -1.0, -1.0
					if r.Usage != nil {
						busy = r.Usage.Busy
					}
					if times := r.Cores[0].Times; times != nil {
						idle = times.Idle
					}
					if busy != tc.busy[i] || idle != tc.idle[i] {
						t.Errorf("row %d: busy %v, idle %v; want %v, %v", i+1, busy, idle, tc.busy[i], tc.idle[i])
					}
				}
			})
		})
	}
}

func TestTimesThatStandStillAreAnErrorUntilTheyAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		still := []host.CoreTimes{core("0", 1, 1)}
		c := NewCPU(&script{rows: [][]host.CoreTimes{still, still, {core("0", 2, 4)}}}, time.Second)
		began := time.Now()
		if _, err := read(t, c); !errors.Is(err, ErrClockStands) || errors.Is(err, host.ErrUnsupported) {
			t.Fatalf("got %v, want %v", err, ErrClockStands)
		}
		got, err := read(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if got.Usage.Busy != 25 || !got.Since.Equal(began) {
			t.Errorf("got %v since %s, want 25 since the last reading that counted, %s", got.Usage.Busy, got.Since, began)
		}
	})
}

func TestTimesThatStandStillForTenIntervalsAreUnsupported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		src := &script{rows: [][]host.CoreTimes{{core("0", 0, 0)}}}
		s, stop := start(t, &logs, NewCPU(src, 0))
		defer stop()
		time.Sleep(9*5*time.Second - time.Second)
		synctest.Wait()
		if st := status(t, s, CPU); st.Unsupported || st.State() != Failed {
			t.Errorf("after nine intervals: %+v", st)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if st := status(t, s, CPU); st.State() != Unsupported || !errors.Is(st.Err, ErrClockStands) {
			t.Errorf("after ten: %+v", st)
		}
		src.mu.Lock()
		src.rows = [][]host.CoreTimes{{core("0", 1, 3)}}
		src.mu.Unlock()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if st := status(t, s, CPU); st.State() != OK || s.Snapshot().CPU.Usage.Busy != 25 {
			t.Errorf("once they advance: %+v", st)
		}
	})
}

func TestAnUnreadableLoadCostsTheLoadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lacks := host.Report{Files: []host.Problem{{Path: "/proc/loadavg", Reason: host.Missing}}}
		c := NewCPU(&script{rows: [][]host.CoreTimes{{core("0", 0, 0)}, {core("0", 1, 1)}}, report: lacks}, 0)
		r, err := c.read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var s Snapshot
		r.put(&s)
		if s.CPU.Load != nil || s.CPU.Usage == nil || len(r.report.Files) != 1 {
			t.Errorf("got %+v, %+v", s.CPU, r.report)
		}
	})
}

func TestTheGapEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := NewCPU(&script{rows: [][]host.CoreTimes{{core("0", 0, 0)}}}, time.Hour).read(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestPressureAndFrequenciesStandBesideTheUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &script{
			rows:     [][]host.CoreTimes{{core("0", 0, 0), core("1", 0, 0)}, {core("0", 1, 1), core("1", 1, 1)}},
			pressure: &host.Pressure{Some: host.Stall{Seconds: 3}}, hertz: map[string]float64{"1": 2e9, "7": 1},
		}
		got, err := read(t, NewCPU(src, 0))
		if err != nil || got.Pressure != src.pressure || got.Cores[0].Hertz != nil || got.Cores[1].Hertz == nil || *got.Cores[1].Hertz != 2e9 {
			t.Errorf("reading %+v, %v", got, err)
		}
	})
}
