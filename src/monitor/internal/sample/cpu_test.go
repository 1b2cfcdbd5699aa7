package sample

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// script answers each call for times with the next row, and then with the
// last one for ever.
type script struct {
	rows [][]host.CoreTimes
	load error
}

func (s *script) CPUTimes(context.Context) ([]host.CoreTimes, error) {
	row := s.rows[0]
	if len(s.rows) > 1 {
		s.rows = s.rows[1:]
	}
	return row, nil
}

func (s *script) Load(context.Context) (host.Load, error) { return host.Load{One: 1}, s.load }

func core(id string, user, idle float64) host.CoreTimes {
	return host.CoreTimes{ID: id, CPUTimes: host.CPUTimes{User: user, Idle: idle}}
}

// read does one reading as the sampler would.
func read(t *testing.T, c Collector) (*CPUReading, error) {
	t.Helper()
	part, err := c.read(t.Context())
	if err != nil {
		return nil, err
	}
	var s Snapshot
	part(&s)
	return s.CPU, nil
}

func TestTheFirstUsageComesAfterTheGapNotTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &script{rows: [][]host.CoreTimes{{core("0", 10, 10)}, {core("0", 11, 13)}, {core("0", 15, 13)}}}
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
				{ID: "0", Usage: usage(100), Times: host.CPUTimes{User: 3}},
				{ID: "1", Usage: usage(0), Times: host.CPUTimes{Idle: 1}},
			},
		},
		"a processor that came online has times but no usage yet": {
			before: []host.CoreTimes{core("0", 0, 0)},
			now:    []host.CoreTimes{core("0", 1, 1), core("1", 7, 7)},
			total:  usage(50),
			cores: []CoreReading{
				{ID: "0", Usage: usage(50), Times: host.CPUTimes{User: 1, Idle: 1}},
				{ID: "1", Times: host.CPUTimes{User: 7, Idle: 7}},
			},
		},
		"a processor that was reset has no usage for that interval": {
			before: []host.CoreTimes{core("0", 0, 0), core("1", 50, 50)},
			now:    []host.CoreTimes{core("0", 1, 3), core("1", 1, 1)},
			total:  usage(25),
			cores: []CoreReading{
				{ID: "0", Usage: usage(25), Times: host.CPUTimes{User: 1, Idle: 3}},
				{ID: "1", Times: host.CPUTimes{User: 1, Idle: 1}},
			},
		},
		"a processor that went offline is gone": {
			before: []host.CoreTimes{core("0", 0, 0), core("1", 0, 0)},
			now:    []host.CoreTimes{core("0", 1, 0)},
			total:  usage(100),
			cores:  []CoreReading{{ID: "0", Usage: usage(100), Times: host.CPUTimes{User: 1}}},
		},
		"idle that steps back is held": {
			before: []host.CoreTimes{core("0", 1, 10)},
			now:    []host.CoreTimes{core("0", 2, 9.5)},
			total:  usage(100),
			cores:  []CoreReading{{ID: "0", Usage: usage(100), Times: host.CPUTimes{User: 2, Idle: 10}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := read(t, NewCPU(&script{rows: [][]host.CoreTimes{tc.before, tc.now}}, 0))
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(*tc.total, got.Usage); d != "" {
					t.Errorf("usage (-want +got):\n%s", d)
				}
				if d := cmp.Diff(tc.cores, got.Cores); d != "" {
					t.Errorf("cores (-want +got):\n%s", d)
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
		if _, err := read(t, c); !errors.Is(err, ErrClockStands) {
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

func TestAFailedLoadFailsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no loadavg")
		c := NewCPU(&script{rows: [][]host.CoreTimes{{core("0", 0, 0)}, {core("0", 1, 1)}}, load: broken}, 0)
		if _, err := read(t, c); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
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
