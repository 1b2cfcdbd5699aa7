package local

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"golang.org/x/time/rate"
)

func TestRetransmissionDoublesWithEachLossInARow(t *testing.T) {
	rolls := func(values ...float64) func() float64 {
		return func() float64 {
			v := values[0]
			if len(values) > 1 {
				values = values[1:]
			}
			return v
		}
	}
	for name, row := range map[string]struct {
		p      float64
		random func() float64
		want   time.Duration
	}{
		"no loss":                             {0.5, rolls(0.9), 0},
		"a loss of nothing":                   {0, rolls(0), 0},
		"one loss":                            {0.5, rolls(0.1, 0.9), 200 * time.Millisecond},
		"two losses":                          {0.5, rolls(0.1, 0.2, 0.9), 600 * time.Millisecond},
		"three losses":                        {0.5, rolls(0.1, 0.2, 0.3, 0.9), 1400 * time.Millisecond},
		"a chance exactly at p is not a loss": {0.5, rolls(0.5), 0},
		"it ends also when all is lost":       {1, rolls(0.1), 102200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			if got := retransmission(row.p, row.random); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

// pipe runs a path with these effects as a link does and returns its two ends.
func pipe(effects ...effect) (*pathToxic, chan<- *stream.StreamChunk, <-chan *stream.StreamChunk, *toxics.ToxicStub) {
	var t pathToxic
	t.set(effects)
	in, out, stub := connect(&t)
	return &t, in, out, stub
}

func connect(t *pathToxic) (chan<- *stream.StreamChunk, <-chan *stream.StreamChunk, *toxics.ToxicStub) {
	in, out := make(chan *stream.StreamChunk, 16), make(chan *stream.StreamChunk, 16)
	stub := toxics.NewToxicStub(in, out)
	go stub.Run(&toxics.ToxicWrapper{Toxic: t, Toxicity: 1})
	synctest.Wait()
	return in, out, stub
}

func chunk(n int) *stream.StreamChunk {
	return &stream.StreamChunk{Data: make([]byte, n), Timestamp: time.Now()}
}

// bytesIn counts what has come out so far, and says whether the end has come.
func bytesIn(out <-chan *stream.StreamChunk) (n int, ended bool) {
	for {
		select {
		case c, open := <-out:
			if !open {
				return n, true
			}
			n += len(c.Data)
		default:
			return n, false
		}
	}
}

func TestAHoleSwallowsDataAndTheEndUntilItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, in, out, stub := pipe(effect{name: "h", hole: true})
		in <- chunk(1)
		close(in)
		time.Sleep(time.Hour)
		if n, ended := bytesIn(out); n > 0 || ended {
			t.Errorf("%d bytes came through, the end: %t", n, ended)
		}
		path.set(nil)
		synctest.Wait()
		if n, ended := bytesIn(out); n > 0 || !ended || !stub.Closed() {
			t.Errorf("after the hole: %d bytes, the end: %t", n, ended)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, in, _, stub := pipe(effect{name: "h", hole: true})
		close(in)
		synctest.Wait()
		if !stub.InterruptToxic() {
			t.Error("it could not be interrupted")
		}
	})
}

func TestPartsAddUp(t *testing.T) {
	none := func() float64 { return 0.5 } // no loss below it, and the middle of a jitter
	now := &conditions{effects: []effect{
		{loss: 0.4, latency: 100 * time.Millisecond, jitter: 50 * time.Millisecond},
		{latency: 30 * time.Millisecond},
	}}
	if got := now.late(none); got != 130*time.Millisecond {
		t.Errorf("without a loss: %s", got)
	}
	rolls := []float64{0.1, 0.9, 0, 0.5} // a loss, then none; the least jitter
	if got := now.late(func() float64 { v := rolls[0]; rolls = rolls[1:]; return v }); got != 280*time.Millisecond {
		t.Errorf("with a loss and the least jitter: %s", got)
	}
	if got := (&conditions{effects: []effect{{latency: time.Millisecond, jitter: time.Second}}}).late(func() float64 { return 0 }); got != 0 {
		t.Errorf("a jitter over the latency: %s", got)
	}
}

func TestDataAreHeldByEachPartAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, in, out, _ := pipe(effect{latency: 100 * time.Millisecond, bucket: rate.NewLimiter(1000, 100)})
		defer close(in)
		in <- chunk(200) // 100 at once and 100 at 1000 a second, after the latency
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		if n, _ := bytesIn(out); n != 0 {
			t.Errorf("%d bytes before the latency", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n, _ := bytesIn(out); n != 100 {
			t.Errorf("%d bytes after the latency, want what passes at once", n)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if n, _ := bytesIn(out); n != 100 {
			t.Errorf("%d bytes after the bucket has filled, want the rest", n)
		}
	})
}

func TestBandwidthIsSharedByAllConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, inA, outA, _ := pipe(effect{bucket: rate.NewLimiter(1000, 100)})
		inB, outB, _ := connect(path)
		began := time.Now()
		drain := func(out <-chan *stream.StreamChunk, total *int, end *time.Duration) {
			for c := range out {
				*total += len(c.Data)
				*end = time.Since(began)
			}
		}
		var a, b int
		var endA, endB time.Duration
		inA <- chunk(2000)
		inB <- chunk(2000)
		close(inA)
		close(inB)
		go drain(outA, &a, &endA)
		go drain(outB, &b, &endB)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if a != 2000 || b != 2000 {
			t.Errorf("%d and %d bytes came through, want 2000 each", a, b)
		}
		// 4000 bytes, of which 100 at once, at 1000 a second.
		if end := max(endA, endB).Round(100 * time.Millisecond); end != 3900*time.Millisecond {
			t.Errorf("it took %s, want 3.9s", end)
		}
	})
}

// held are effects that keep a chunk of 500 bytes for long.
func held() map[string]effect {
	return map[string]effect{
		"a limit":   {bucket: rate.NewLimiter(10, 1)},
		"a loss":    {loss: 0.999999},
		"a latency": {latency: time.Hour},
	}
}

func TestAnInterruptedPathHandsOnWhatItHolds(t *testing.T) {
	for name, e := range held() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, in, out, stub := pipe(e)
				in <- chunk(500)
				synctest.Wait()
				if !stub.InterruptToxic() {
					t.Fatal("it could not be interrupted")
				}
				if n, _ := bytesIn(out); n != 500 {
					t.Errorf("%d of 500 bytes were handed on", n)
				}
			})
		})
	}
}

func TestWhatAnEffectHoldsGoesOnWhenItEnds(t *testing.T) {
	for name, e := range held() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path, in, out, _ := pipe(e)
				in <- chunk(500)
				close(in)
				synctest.Wait()
				early, ended := bytesIn(out)
				if early > 1 || ended {
					t.Errorf("%d bytes came through at once, the end: %t", early, ended)
				}
				path.set(nil)
				synctest.Wait()
				if n, ended := bytesIn(out); early+n != 500 || !ended {
					t.Errorf("%d of 500 bytes came through, the end: %t", early+n, ended)
				}
			})
		})
	}
}

func TestAPathEndsWithItsLink(t *testing.T) {
	for name, e := range held() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, in, out, stub := pipe(e)
				close(in)
				synctest.Wait()
				if _, open := <-out; open || !stub.Closed() {
					t.Error("the end did not come through")
				}
			})
		})
	}
}
