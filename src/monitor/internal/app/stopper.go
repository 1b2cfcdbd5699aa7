package app

import (
	"context"
	"os"
	"sync"
)

// stopper turns signals into contexts: the first signal ends first, the
// second one ends second.
type stopper struct {
	first, second context.Context
	release       func() // ends both and waits for the goroutine
}

func newStopper(ctx context.Context, signals <-chan os.Signal) *stopper {
	first, endFirst := context.WithCancel(ctx)
	second, endSecond := context.WithCancel(context.WithoutCancel(ctx))
	quit := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for _, end := range []context.CancelFunc{endFirst, endSecond} {
			select {
			case <-signals:
				end()
			case <-quit:
				return
			}
		}
	})
	return &stopper{first: first, second: second, release: func() {
		close(quit)
		watcher.Wait()
		endFirst()
		endSecond()
	}}
}
