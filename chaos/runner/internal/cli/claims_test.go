package cli

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestClaimsKeepApartWhatSharesSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClaims()
		began := time.Now()
		var mu sync.Mutex
		var order []string
		run := func(name string, lasts time.Duration, keys ...string) {
			release, err := c.acquire(t.Context(), keys)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name+" at "+time.Since(began).String())
			mu.Unlock()
			time.Sleep(lasts)
			release()
		}
		go run("first", 10*time.Second, "a", "b")
		synctest.Wait()
		go run("second", 5*time.Second, "b", "c")
		synctest.Wait()
		go run("beside", time.Second, "d")
		synctest.Wait()
		go run("third", time.Second, "c")
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		want := []string{"first at 0s", "beside at 0s", "third at 0s", "second at 10s"}
		if !slices.Equal(order, want) {
			t.Errorf("%q, want %q", order, want)
		}

		release, err := c.acquire(t.Context(), []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.acquire(ctx, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits too long: %v", err)
		}
		release()
		if _, err := c.acquire(t.Context(), []string{"a"}); err != nil {
			t.Errorf("who waited in vain left something: %v", err)
		}
	})
}
