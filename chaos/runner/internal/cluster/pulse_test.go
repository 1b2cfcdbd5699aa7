package cluster

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestAnAPIServerThatFallsSilentIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // time alone orders nothing for the race detector
		answer, hangs := error(nil), false
		set := func(err error, hang bool) {
			mu.Lock()
			defer mu.Unlock()
			answer, hangs = err, hang
		}
		p := newPulse(func(ctx context.Context) error {
			mu.Lock()
			err, hang := answer, hangs
			mu.Unlock()
			if hang {
				<-ctx.Done()
				return ctx.Err()
			}
			return err
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { p.beat(ctx); close(ended) }()
		defer func() { cancel(); <-ended }()
		check := func(when string, silent bool, says string) {
			t.Helper()
			synctest.Wait()
			err := p.check(time.Now())
			if errors.Is(err, fault.ErrUnreachable) != silent || silent && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", when, err)
			}
		}
		time.Sleep(time.Minute)
		check("while it answers", false, "")
		set(errors.New("connection refused"), false)
		time.Sleep(silence - pulseEvery)
		check("a moment after it fell silent", false, "")
		time.Sleep(2 * pulseEvery)
		check("when it has been silent for too long", true, "connection refused")
		set(nil, false)
		time.Sleep(pulseEvery)
		check("when it answers again", false, "")
		set(nil, true)
		time.Sleep(3 * silence)
		check("when it takes questions and answers none", true, "deadline")
	})
}
