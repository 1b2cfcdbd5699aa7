//go:build race

package engine_test

import "time"

// scrapes are the intervals at which the truth table is run. The race detector slows the
// Prometheus engine down fivefold: one interval is enough for it to see what there is to
// see, and `make test` runs all of them without it.
func scrapes() []time.Duration { return []time.Duration{time.Second} }
