// Package prom asks a Prometheus-compatible HTTP API for numbers and says, in
// types, why it could not get them. It is the only place that speaks the query
// API, for the embedded server as for a cluster's.
package prom

import (
	"errors"
	"time"
)

// The outcomes of a query that are not a number. Callers branch on them with
// errors.Is; every one of them makes a verdict inconclusive, never green.
var (
	// ErrNoData is returned when the answer holds no sample at all.
	ErrNoData = errors.New("no data")
	// ErrNotFinite is returned when the one sample is NaN or infinite.
	ErrNotFinite = errors.New("value is not finite")
	// ErrManySeries is returned when one series was asked for and several came.
	ErrManySeries = errors.New("several series where one is needed")
	// ErrStale is returned when a raw selector's newest sample is too old.
	ErrStale = errors.New("newest sample is too old")
	// ErrUnreachable is returned when Prometheus did not answer in time, refused
	// the connection or answered with a status of its own trouble (429, 5xx).
	ErrUnreachable = errors.New("prometheus is unreachable")
	// ErrBadQuery is returned when Prometheus refused the expression (4xx).
	ErrBadQuery = errors.New("prometheus refused the query")
)

// Sample is one value at one time. T is the time of evaluation, not of the scrape.
type Sample struct {
	T time.Time
	V float64
}

// Series is one labelled series; Points are ascending in time and may have gaps.
type Series struct {
	Labels map[string]string
	Points []Sample
}

// Window is a range of evaluation steps, both ends included. Step must be positive.
type Window struct {
	Start, End time.Time
	Step       time.Duration
}
