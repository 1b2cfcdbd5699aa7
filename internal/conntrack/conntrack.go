// Package conntrack stands for github.com/mwitkow/go-conntrack, by a replace
// directive, for those who dial through it: the HTTP clients of Prometheus'
// libraries. They dial as they would, and nothing is counted or traced.
//
// The library brings golang.org/x/net/trace, whose pages are templates, and for
// the sake of templates the linker keeps every method of every type. That was
// 7 MB of the monitor's binary and 5 MB of its memory, for counters that it does
// not show and pages that it does not serve.
package conntrack

import (
	"context"
	"net"
)

// DialFunc is what net.Dialer.DialContext is.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Option is a choice for a dialer.
type Option func(*DialFunc)

// DialWithName does nothing: there are no counters to name.
func DialWithName(string) Option { return func(*DialFunc) {} }

// DialWithTracing does nothing.
func DialWithTracing() Option { return func(*DialFunc) {} }

// DialWithDialContextFunc dials by another function.
func DialWithDialContextFunc(dial DialFunc) Option {
	return func(chosen *DialFunc) { *chosen = dial }
}

// NewDialContextFunc returns a function that dials, by default as net.Dialer.
func NewDialContextFunc(options ...Option) DialFunc {
	dial := DialFunc(new(net.Dialer).DialContext)
	for _, choose := range options {
		choose(&dial)
	}
	return dial
}
