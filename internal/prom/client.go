package prom

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// DefaultTimeout bounds one call when Config.Timeout is zero.
const DefaultTimeout = 5 * time.Second

// Config says which server to ask and how old its samples may be.
type Config struct {
	// URL of the server, with the path prefix of its API if it has one. User and
	// password in it are sent as basic authentication, and only to that host.
	URL string
	// RoundTripper carries the requests; nil means a transport of the client's own.
	RoundTripper http.RoundTripper
	// Timeout bounds one call with all its queries; 0 means DefaultTimeout.
	Timeout time.Duration
	// MaxAge is how old the newest sample of every raw selector may be; 0 does
	// not ask.
	MaxAge time.Duration
	// Shared is what several clients of the server have in common, so that each question
	// is asked once; nil shares nothing.
	Shared *Shared
}

// Client asks one server. It is safe for concurrent use. Close it when done.
type Client struct {
	api     v1.API
	http    *http.Client
	name    string // the URL without anything secret, for messages
	timeout time.Duration
	maxAge  time.Duration
	parsed  *cache
}

// New returns a client and asks nothing yet. It fails on a URL that is not an
// absolute http or https one.
func New(cfg Config) (*Client, error) {
	base, user, err := splitURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 || cfg.MaxAge < 0 {
		return nil, fmt.Errorf("prometheus %s: timeout %s and maximum age %s must not be negative", base.Redacted(), cfg.Timeout, cfg.MaxAge)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	next := cfg.RoundTripper
	if next == nil {
		next = newTransport()
	}
	hc := &http.Client{Transport: &screen{next: next, host: base.Host, user: user}}
	ac, err := api.NewClient(api.Config{Address: base.String(), Client: hc})
	if err != nil {
		return nil, fmt.Errorf("prometheus %s: %w", base.Redacted(), err)
	}
	name := url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path}
	asks := v1.NewAPI(ac)
	if cfg.Shared != nil {
		asks = sharing{asks, cfg.Shared}
	}
	return &Client{
		api:     asks,
		http:    hc,
		name:    name.String(),
		timeout: cfg.Timeout,
		maxAge:  cfg.MaxAge,
		parsed:  newCache(),
	}, nil
}

// splitURL parses raw and takes the credentials out of it. Its errors never
// quote raw, because that may hold a password.
func splitURL(raw string) (*url.URL, *url.Userinfo, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, nil, fmt.Errorf("prometheus URL cannot be parsed, write it as http://host:9090: %w", err)
	}
	user := u.User
	u.User = nil
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, nil, errors.New("prometheus URL is not an absolute http or https one, write it as http://host:9090")
	}
	return u, user, nil
}

// Close closes idle connections. Calls under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Instant evaluates expr at the time given, or at the server's own now when at is
// zero, and returns its one value. It blocks for at most the client's timeout.
//
// An expression that answers with no sample, or one of whose raw selectors has
// none, is ErrNoData; an older newest sample than the maximum age is ErrStale.
func (c *Client) Instant(ctx context.Context, expr string, at time.Time) (Sample, error) {
	watch, err := c.watch(expr)
	if err != nil {
		return Sample{}, c.explain(ctx, expr, err)
	}
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	value, ages, err := both(call, watch.query(), func(ctx context.Context, q string) (model.Value, error) {
		if q == "" {
			q = expr
		}
		v, _, err := c.api.Query(ctx, q, at)
		return v, err
	})
	if err == nil {
		err = watch.checkNow(ages, c.maxAge)
	}
	if err != nil {
		return Sample{}, c.explain(ctx, expr, err)
	}
	s, err := single(value)
	if err != nil {
		return Sample{}, c.explain(ctx, expr, err)
	}
	return s, nil
}

// Range evaluates expr at every step of w. It blocks for at most the client's
// timeout.
//
// Steps at which a raw selector has no sample, or none within the maximum age,
// are missing from every series; a series without points is not returned. NaN and
// infinite points are returned as they are. The result is empty, without an
// error, when nothing remains: only the caller knows whether that may be. Times
// are whole milliseconds.
func (c *Client) Range(ctx context.Context, expr string, w Window) ([]Series, error) {
	watch, err := c.watch(expr)
	if err != nil {
		return nil, c.explain(ctx, expr, err)
	}
	return c.between(ctx, expr, w, watch)
}

// RangeOfAnyAge is Range with every sample that the server itself looks back at, however
// old: it reads what a rule reads that is evaluated at every step.
func (c *Client) RangeOfAnyAge(ctx context.Context, expr string, w Window) ([]Series, error) {
	return c.between(ctx, expr, w, nil)
}

// between evaluates expr at every step of w at which what is watched is fresh.
func (c *Client) between(ctx context.Context, expr string, w Window, watch watch) ([]Series, error) {
	if w.Step <= 0 || w.End.Before(w.Start) {
		return nil, c.explain(ctx, expr, fmt.Errorf("%w: window from %s to %s by %s is not one", ErrBadQuery,
			w.Start.Format(time.RFC3339Nano), w.End.Format(time.RFC3339Nano), w.Step))
	}
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	r := v1.Range{Start: w.Start, End: w.End, Step: w.Step}
	value, ages, err := both(call, watch.query(), func(ctx context.Context, q string) (model.Value, error) {
		if q == "" {
			q = expr
		}
		v, _, err := c.api.QueryRange(ctx, q, r)
		return v, err
	})
	if err != nil {
		return nil, c.explain(ctx, expr, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, c.explain(ctx, expr, fmt.Errorf("the answer to a range is a %T", value))
	}
	keep, err := watch.keep(ages, w, c.maxAge)
	if err != nil {
		return nil, c.explain(ctx, expr, err)
	}
	return seriesOf(matrix, keep), nil
}

// watch says what has to be fresh for expr; nothing when no maximum age is set.
func (c *Client) watch(expr string) (watch, error) {
	if c.maxAge == 0 {
		return nil, nil
	}
	return c.parsed.get(expr)
}

// both runs ask for the expression itself (an empty query) and, beside it, for
// the query of ages if there is one. The expression's error goes first.
func both(ctx context.Context, ages string, ask func(context.Context, string) (model.Value, error)) (value, age model.Value, err error) {
	if ages == "" {
		value, err = ask(ctx, "")
		return value, nil, err
	}
	done := make(chan error, 1)
	go func() {
		var err error
		age, err = ask(ctx, ages)
		done <- err
	}()
	value, err = ask(ctx, "")
	if other := <-done; err == nil {
		err = other
	}
	return value, age, err
}

// single returns the one finite value of an instant answer.
func single(v model.Value) (Sample, error) {
	var s Sample
	switch v := v.(type) {
	case *model.Scalar:
		s = Sample{T: v.Timestamp.Time().UTC(), V: float64(v.Value)}
	case model.Vector:
		switch {
		case len(v) == 0:
			return Sample{}, ErrNoData
		case len(v) > 1:
			return Sample{}, fmt.Errorf("%w: %d, such as %s and %s; aggregate them", ErrManySeries, len(v), v[0].Metric, v[1].Metric)
		case v[0].Histogram != nil:
			return Sample{}, fmt.Errorf("%w: the answer is a native histogram; take a quantile, sum or count of it", ErrBadQuery)
		}
		s = Sample{T: v[0].Timestamp.Time().UTC(), V: float64(v[0].Value)}
	default:
		return Sample{}, fmt.Errorf("%w: the answer is neither a scalar nor an instant vector but a %s", ErrBadQuery, v.Type())
	}
	if math.IsNaN(s.V) || math.IsInf(s.V, 0) {
		return Sample{}, fmt.Errorf("%w: %g", ErrNotFinite, s.V)
	}
	return s, nil
}

// seriesOf converts m, leaving out points that keep refuses.
func seriesOf(m model.Matrix, keep func(model.Time) bool) []Series {
	out := make([]Series, 0, len(m))
	for _, stream := range m {
		points := make([]Sample, 0, len(stream.Values))
		for _, p := range stream.Values {
			if keep(p.Timestamp) {
				points = append(points, Sample{T: p.Timestamp.Time().UTC(), V: float64(p.Value)})
			}
		}
		if len(points) == 0 {
			continue
		}
		ls := make(map[string]string, len(stream.Metric))
		for k, v := range stream.Metric {
			ls[string(k)] = string(v)
		}
		out = append(out, Series{Labels: ls, Points: points})
	}
	return out
}

// explain names server and expression, and sorts err into the typed outcomes.
// ctx is the caller's: once that has ended, its error is the reason.
func (c *Client) explain(ctx context.Context, expr string, err error) error {
	var (
		refused *v1.Error
		inURL   *url.Error
	)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, ErrNoData), errors.Is(err, ErrNotFinite), errors.Is(err, ErrManySeries),
		errors.Is(err, ErrStale), errors.Is(err, ErrBadQuery), errors.Is(err, ErrNoRulesAPI):
	case errors.Is(err, context.DeadlineExceeded):
		// Not wrapped: the caller would take it for its own deadline.
		err = fmt.Errorf("%w: no answer within %s", ErrUnreachable, c.timeout)
	case errors.As(err, &refused) && refused.Type != v1.ErrBadResponse:
		err = fmt.Errorf("%w: %w", ErrBadQuery, refused)
	default:
		if errors.As(err, &inURL) {
			err = inURL.Err // its text repeats method and URL
		}
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return fmt.Errorf("prometheus %s: query %s: %w", c.name, abridge(expr), err)
}

// abridge keeps messages readable when an expression is long.
func abridge(expr string) string {
	const most = 200
	runes := []rune(expr)
	if len(runes) <= most {
		return expr
	}
	return string(runes[:most]) + "…"
}
