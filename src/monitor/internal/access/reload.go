package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// maxLoad is how long the files may take to be read before it is said.
const maxLoad = 10 * time.Second

// errSwitched reports a change that a running server cannot follow.
var errSwitched = errors.New("--web-config: TLS cannot be switched on or off while the service runs; restart it")

// Run reads the files again when they changed, looking every ten seconds, and
// at each signal. Files that are wrong change nothing, and are logged and
// counted once. It blocks until ctx ends, also while a file hangs.
func (a *Access) Run(ctx context.Context, signals <-chan os.Signal) {
	a.log.LogAttrs(ctx, slog.LevelInfo, "access is as its files say", a.summary()...)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var (
		pending chan loaded // of the attempt that runs
		overdue <-chan time.Time
		again   bool // a signal came while one ran
	)
	start := func(before *digest) {
		done := make(chan loaded, 1)
		go func() { done <- load(a.files, before) }()
		pending, overdue = done, time.After(maxLoad)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if pending == nil {
				tried := a.tried
				start(&tried)
			}
		case <-signals:
			if again = pending != nil; !again {
				start(nil)
			}
		case <-overdue:
			overdue = nil
			a.fail(ctx, fmt.Errorf("the files of --web-config or --token-file did not answer within %s", maxLoad))
		case l := <-pending:
			pending, overdue = nil, nil
			a.apply(ctx, l)
			if again {
				again = false
				start(nil)
			}
		}
	}
}

// apply ends an attempt.
func (a *Access) apply(ctx context.Context, l loaded) {
	if l.unchanged {
		return
	}
	a.tried = l.digest
	if l.err == nil && (l.settings.tls == nil) != (a.current.Load().tls == nil) {
		l.err = errSwitched
	}
	if l.err != nil {
		a.fail(ctx, l.err)
		return
	}
	a.use(l.settings)
	a.log.LogAttrs(ctx, slog.LevelInfo, "the files of access were read again", a.summary()...)
}

func (a *Access) fail(ctx context.Context, err error) {
	a.failures.Add(1)
	a.failing.Store(true)
	a.log.ErrorContext(ctx, "the files of access are wrong, and access stays as it was", slog.Any("error", err))
}
