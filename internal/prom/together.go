package prom

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	// gathering is how long the first question about an instant waits for others. Those of
	// one look are asked within it even where many runs share two processors.
	gathering = 10 * time.Millisecond
	// mostTogether bounds one query; what the server makes of it grows with the square.
	mostTogether = 64
	// questionLabel tells the answers of one query apart.
	questionLabel = "ballast_question"
)

// errAskApart says that a query of several questions was refused: each is then asked by
// itself, so that only the one that is wrong has an error.
var errAskApart = errors.New("the questions have to be asked apart")

// batch is the questions about one instant that go to the server as one query.
type batch struct {
	exprs []string
	full  chan struct{} // closed when no more fit
	done  chan struct{} // closed when answers and err are final
	// answers are in the order of exprs.
	answers []model.Vector
	err     error
}

// gathers says whether the expression can be asked together with others: its answer has
// labels to tell it apart by.
func gathers(expr string) bool {
	tree, err := parse(expr)
	return err == nil && tree.Type() == parser.ValueTypeVector
}

// together asks a question about an instant in one query with those that others ask about it
// at the same time. It blocks until there is an answer or ctx ends.
func (s *Shared) together(ctx context.Context, api v1.API, expr string, at time.Time) (model.Vector, error) {
	b, i, first := s.enter(expr, at)
	if first {
		s.ask(ctx, api, b, at)
	} else {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.done:
		}
	}
	switch {
	case b.err == nil:
		return b.answers[i], nil
	case errors.Is(b.err, errAskApart), !first && ctx.Err() == nil && (errors.Is(b.err, context.Canceled) || errors.Is(b.err, context.DeadlineExceeded)):
		// Whoever asked for all may have been stopped, which says nothing about the server.
		return apart(ctx, api, expr, at)
	}
	return nil, b.err
}

// enter adds a question to the batch of its instant, and says whether the caller has to ask it.
func (s *Shared) enter(expr string, at time.Time) (b *batch, i int, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = s.batches[at.UnixNano()]
	if b == nil {
		if s.batches == nil {
			s.batches = map[int64]*batch{}
		}
		b, first = &batch{full: make(chan struct{}), done: make(chan struct{})}, true
		s.batches[at.UnixNano()] = b
	}
	b.exprs = append(b.exprs, expr)
	if len(b.exprs) == mostTogether {
		delete(s.batches, at.UnixNano())
		close(b.full)
	}
	return b, len(b.exprs) - 1, first
}

// ask waits for the questions of others and asks all in one query. Whoever waits gets an
// answer even if asking panics.
func (s *Shared) ask(ctx context.Context, api v1.API, b *batch, at time.Time) {
	b.err = errNotAsked
	defer close(b.done)
	wait := time.NewTimer(gathering)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	case <-b.full:
	}
	s.mu.Lock()
	if s.batches[at.UnixNano()] == b {
		delete(s.batches, at.UnixNano())
	}
	s.mu.Unlock() // no question enters any more
	if b.err = ctx.Err(); b.err != nil {
		return
	}
	if len(b.exprs) == 1 {
		var answer model.Vector
		answer, b.err = apart(ctx, api, b.exprs[0], at)
		b.answers = []model.Vector{answer}
		return
	}
	var all model.Vector
	all, b.err = apart(ctx, api, joined(b.exprs), at)
	var refused *v1.Error
	switch {
	case errors.As(b.err, &refused) && (refused.Type == v1.ErrBadData || refused.Type == v1.ErrExec || refused.Type == v1.ErrClient):
		b.err = fmt.Errorf("%w: %w", errAskApart, b.err)
	case b.err == nil:
		b.answers, b.err = separated(all, len(b.exprs))
	}
}

// apart asks one question by itself.
func apart(ctx context.Context, api v1.API, expr string, at time.Time) (model.Vector, error) {
	value, _, err := api.Query(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	answer, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("the answer to a vector is a %T", value)
	}
	return answer, nil
}

// joined is one query with the answers to all expressions, each with its number. The line
// break ends a comment that an expression may end with.
func joined(exprs []string) string {
	var b strings.Builder
	for i, expr := range exprs {
		if i > 0 {
			b.WriteString("\nor ")
		}
		fmt.Fprintf(&b, "label_replace(%s\n, %q, %q, \"\", \"\")", expr, questionLabel, strconv.Itoa(i))
	}
	return b.String()
}

// separated gives each of n expressions its own part of the answer to all.
func separated(all model.Vector, n int) ([]model.Vector, error) {
	answers := make([]model.Vector, n)
	for _, sample := range all {
		i, err := strconv.Atoi(string(sample.Metric[questionLabel]))
		if err != nil || i < 0 || i >= n {
			return nil, fmt.Errorf("%w: the answer to one of %d questions is numbered %q", errAskApart, n, sample.Metric[questionLabel])
		}
		delete(sample.Metric, questionLabel)
		answers[i] = append(answers[i], sample)
	}
	return answers, nil
}

// asRange is an answer about an instant as one to a range that is no longer.
func asRange(v model.Vector) model.Matrix {
	out := make(model.Matrix, 0, len(v))
	for _, s := range v {
		stream := &model.SampleStream{Metric: s.Metric}
		if s.Histogram != nil {
			stream.Histograms = []model.SampleHistogramPair{{Timestamp: s.Timestamp, Histogram: s.Histogram}}
		} else {
			stream.Values = []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}
		}
		out = append(out, stream)
	}
	return out
}
