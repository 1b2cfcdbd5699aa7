package load

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheRateChangesWhileTheLoadGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Recorder
		g := newTestGenerator(t, Config{URL: "http://host", Rate: 1, MaxRate: 200, Recorder: &r})
		g.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
		if err := g.SetRate(1); err == nil || !strings.Contains(err.Error(), "not started") {
			t.Errorf("before the start: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = g.Run(ctx) })
		// Half of an interval: the pacer sleeps until the next second, and has to wake.
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		first := g.Stats().Scheduled
		r.Take()
		if err := g.SetRate(200); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		fast := r.Take()
		if err := g.SetRate(2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		slow := r.Take()
		for name, tc := range map[string]struct{ got, want uint64 }{
			"at 1 a second for 2.5 s": {first, 3}, "at 200 a second for 1 s": {fast.Errors, 200}, "at 2 a second for 2 s": {slow.Errors, 4},
		} {
			if tc.got != tc.want {
				t.Errorf("%s: %d requests, want %d", name, tc.got, tc.want)
			}
		}
		if fast.LagP99 > 10*time.Millisecond {
			t.Errorf("requests were %s late: the pacer slept through the change", fast.LagP99)
		}
		for _, rate := range []float64{0, -1, 201} {
			if err := g.SetRate(rate); err == nil {
				t.Errorf("rate %v: no error", rate)
			}
		}
		cancel()
		wg.Wait()
		s := g.Stats()
		if s.Scheduled != s.Errors {
			t.Errorf("%d were scheduled and %d have an outcome", s.Scheduled, s.Errors)
		}
		if err := g.SetRate(5); err != nil || g.Stats().Scheduled != s.Scheduled {
			t.Errorf("after the end: %v, %d scheduled, want %d", err, g.Stats().Scheduled, s.Scheduled)
		}
	})
}
