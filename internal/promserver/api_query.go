package promserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
)

// queryData is the answer to a query. The type goes first: streaming readers need it
// to read the result.
type queryData struct {
	Type   parser.ValueType `json:"resultType"`
	Result json.RawMessage  `json:"result"`
}

func (a *api) query(r *http.Request) (any, annotations.Annotations, error) {
	at, err := timeOf(r, "time", time.Now())
	if err != nil {
		return nil, nil, err
	}
	return a.evaluate(r, func(ctx context.Context, opts promql.QueryOpts) (promql.Query, error) {
		return a.engine.NewInstantQuery(ctx, a.db, opts, r.FormValue("query"), at)
	})
}

func (a *api) queryRange(r *http.Request) (any, annotations.Annotations, error) {
	for _, name := range []string{"start", "end", "step"} {
		if r.FormValue(name) == "" {
			return nil, nil, badData(name, errors.New("it is missing"))
		}
	}
	start, err := timeOf(r, "start", time.Time{})
	if err != nil {
		return nil, nil, err
	}
	end, err := timeOf(r, "end", time.Time{})
	if err != nil {
		return nil, nil, err
	}
	step, err := durationOf(r, "step", 0)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case end.Before(start):
		return nil, nil, badData("end", errors.New("it is before start"))
	case step < time.Millisecond:
		return nil, nil, badData("step", errors.New("it is less than a millisecond"))
	case end.Sub(start)/step > maxSteps:
		return nil, nil, badData("step", errors.New("more than a million steps; take a longer step or a shorter range"))
	}
	return a.evaluate(r, func(ctx context.Context, opts promql.QueryOpts) (promql.Query, error) {
		return a.engine.NewRangeQuery(ctx, a.db, opts, r.FormValue("query"), start, end, step)
	})
}

// maxSteps keeps a slip in a parameter from taking the memory. Prometheus' own
// bound, 11,000, is too low for a day at one second.
const maxSteps = 1_000_000

func (a *api) evaluate(r *http.Request, prepare func(context.Context, promql.QueryOpts) (promql.Query, error)) (any, annotations.Annotations, error) {
	timeout, err := durationOf(r, "timeout", queryTimeout)
	if err != nil {
		return nil, nil, err
	}
	lookback, err := durationOf(r, "lookback_delta", a.cfg.Lookback)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	q, err := prepare(ctx, promql.NewPrometheusQueryOpts(false, lookback))
	if err != nil {
		return nil, nil, badData("query", err)
	}
	// The engine takes the points back, so they must be written before.
	defer q.Close()
	res := q.Exec(ctx)
	switch {
	case res.Err != nil && a.gate.ending.Err() != nil:
		return nil, nil, &apiError{http.StatusServiceUnavailable, "unavailable", errClosed}
	case res.Err != nil:
		return nil, nil, evaluationError(res.Err)
	}
	result, err := json.Marshal(orEmpty(res.Value))
	if err != nil {
		return nil, nil, err
	}
	return queryData{Type: res.Value.Type(), Result: result}, res.Warnings, nil
}

// orEmpty keeps an empty result from being written as null.
func orEmpty(v parser.Value) parser.Value {
	switch v := v.(type) {
	case promql.Vector:
		if v == nil {
			return promql.Vector{}
		}
	case promql.Matrix:
		if v == nil {
			return promql.Matrix{}
		}
	}
	return v
}
