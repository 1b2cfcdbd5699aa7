package prom

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

const (
	// remembered is how long the answer to a question about one instant is kept: whoever
	// asks the same somewhat later gets what the first got.
	remembered = 5 * time.Second
	// recent is how old the loaded rules may be. The server's answer is large.
	recent = 500 * time.Millisecond
)

var errNotAsked = errors.New("the caller that sent the shared query failed")

// Shared lets the clients of one server that are given it ask each question once: the same
// expression at the same instant or over the same range, and the rules within half a
// second. Different questions about one instant that are asked at the same time go to the
// server as one query. A question about the server's own now is always asked, and so is one whose
// last answer was an error. Its zero value is ready; it is safe for concurrent use.
type Shared struct {
	mu      sync.Mutex
	calls   map[string]*call
	batches map[int64]*batch // that others may still enter, by their instant in nanoseconds
}

// call is one question under way, or its answer.
type call struct {
	asked  time.Time
	done   chan struct{} // closed when answer and err are final
	answer any
	err    error
}

// shareAs asks what key names, or takes the answer of another who asks or asked it within
// fresh. It blocks until there is an answer or ctx ends.
func shareAs[T any](ctx context.Context, s *Shared, key string, fresh time.Duration, ask func() (T, error)) (T, error) {
	for {
		c, first := s.join(key, fresh)
		if first {
			return lead(s, key, c, ask)
		}
		var none T
		select {
		case <-ctx.Done():
			return none, ctx.Err()
		case <-c.done:
		}
		// Whoever asked may have been stopped, which says nothing about the server.
		if errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded) {
			if ctx.Err() != nil {
				return none, ctx.Err()
			}
			continue
		}
		if c.err != nil {
			return none, c.err
		}
		answer, ok := c.answer.(T)
		if !ok {
			return none, fmt.Errorf("the shared answer to %s is a %T", key, c.answer)
		}
		return answer, nil
	}
}

// lead asks for all who wait, who get an answer even if asking panics.
func lead[T any](s *Shared, key string, c *call, ask func() (T, error)) (answer T, err error) {
	err = errNotAsked
	defer func() { s.finish(key, c, answer, err) }()
	return ask()
}

// join returns the call of the key, and whether the caller has to make it.
func (s *Shared) join(key string, fresh time.Duration) (c *call, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for k, old := range s.calls {
		if now.Sub(old.asked) > remembered {
			delete(s.calls, k)
		}
	}
	if c, ok := s.calls[key]; ok && now.Sub(c.asked) <= fresh {
		return c, false
	}
	if s.calls == nil {
		s.calls = map[string]*call{}
	}
	c = &call{asked: now, done: make(chan struct{})}
	s.calls[key] = c
	return c, true
}

// finish hands the answer to all who wait. An error is not kept for those who ask later.
func (s *Shared) finish(key string, c *call, answer any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.answer, c.err = answer, err
	if err != nil && s.calls[key] == c {
		delete(s.calls, key)
	}
	close(c.done)
}

// sharing is an API whose clients share answers. These are read only: nobody changes a
// value that others may hold.
type sharing struct {
	v1.API
	shared *Shared
}

// Query implements v1.API.
func (a sharing) Query(ctx context.Context, expr string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, error) {
	if at.IsZero() {
		return a.API.Query(ctx, expr, at, opts...)
	}
	value, err := shareAs(ctx, a.shared, fmt.Sprintf("query %d %s", at.UnixNano(), expr), remembered, func() (model.Value, error) {
		if len(opts) == 0 && gathers(expr) {
			return a.shared.together(ctx, a.API, expr, at)
		}
		v, _, err := a.API.Query(ctx, expr, at, opts...)
		return v, err
	})
	return value, nil, err
}

// QueryRange implements v1.API.
func (a sharing) QueryRange(ctx context.Context, expr string, r v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, error) {
	key := fmt.Sprintf("range %d %d %d %s", r.Start.UnixNano(), r.End.UnixNano(), r.Step, expr)
	value, err := shareAs(ctx, a.shared, key, remembered, func() (model.Value, error) {
		if len(opts) == 0 && r.Start.Equal(r.End) && gathers(expr) {
			v, err := a.shared.together(ctx, a.API, expr, r.Start)
			return asRange(v), err
		}
		v, _, err := a.API.QueryRange(ctx, expr, r, opts...)
		return v, err
	})
	return value, nil, err
}

// Rules implements v1.API.
func (a sharing) Rules(ctx context.Context, matches []string) (v1.RulesResult, error) {
	return shareAs(ctx, a.shared, fmt.Sprintf("rules %q", matches), recent, func() (v1.RulesResult, error) {
		return a.API.Rules(ctx, matches)
	})
}
