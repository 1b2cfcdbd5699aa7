package local

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
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
		"no loss":                          {0.5, rolls(0.9), 0},
		"a loss of nothing":                {0, rolls(0), 0},
		"one loss":                         {0.5, rolls(0.1, 0.9), 200 * time.Millisecond},
		"two losses":                       {0.5, rolls(0.1, 0.2, 0.9), 600 * time.Millisecond},
		"three losses":                     {0.5, rolls(0.1, 0.2, 0.3, 0.9), 1400 * time.Millisecond},
		"a chance exactly at p is no loss": {0.5, rolls(0.5), 0},
		"it ends also when all is lost":    {1, rolls(0.1), 102200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			if got := retransmission(row.p, row.random); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

// pipe runs a toxic as a link does and returns its two ends.
func pipe(toxic toxics.Toxic) (chan<- *stream.StreamChunk, <-chan *stream.StreamChunk, *toxics.ToxicStub) {
	in, out := make(chan *stream.StreamChunk, 16), make(chan *stream.StreamChunk, 16)
	stub := toxics.NewToxicStub(in, out)
	go stub.Run(&toxics.ToxicWrapper{Toxic: toxic, Toxicity: 1})
	synctest.Wait()
	return in, out, stub
}

func chunk(n int) *stream.StreamChunk {
	return &stream.StreamChunk{Data: make([]byte, n), Timestamp: time.Now()}
}

func TestABlackholeSwallowsDataAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out, stub := pipe(&blackholeToxic{})
		in <- chunk(1)
		close(in)
		time.Sleep(time.Hour)
		select {
		case c := <-out:
			t.Errorf("%v came through", c)
		default:
		}
		if !stub.InterruptToxic() {
			t.Error("it could not be interrupted")
		}
	})
}

func TestBandwidthIsSharedByAllConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toxic := &bandwidthToxic{Rate: 1000, Burst: 100}
		inA, outA, _ := pipe(toxic)
		inB, outB, _ := pipe(toxic)
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

func TestAnInterruptedToxicHandsOnWhatItHolds(t *testing.T) {
	for name, toxic := range map[string]toxics.Toxic{
		"bandwidth": &bandwidthToxic{Rate: 10, Burst: 1},
		"loss":      &lossToxic{Probability: 0.999999},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, out, stub := pipe(toxic)
				in <- chunk(500)
				synctest.Wait()
				if !stub.InterruptToxic() {
					t.Fatal("it could not be interrupted")
				}
				got := 0
				for len(out) > 0 {
					got += len((<-out).Data)
				}
				if got != 500 {
					t.Errorf("%d of 500 bytes were handed on", got)
				}
			})
		})
	}
}

func TestAToxicEndsWithItsLink(t *testing.T) {
	for name, toxic := range map[string]toxics.Toxic{
		"bandwidth": &bandwidthToxic{Rate: 1000, Burst: 1},
		"loss":      &lossToxic{},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, out, stub := pipe(toxic)
				close(in)
				synctest.Wait()
				if _, open := <-out; open || !stub.Closed() {
					t.Error("the end did not come through")
				}
			})
		})
	}
}
