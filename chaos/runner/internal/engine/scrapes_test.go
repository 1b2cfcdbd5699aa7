//go:build !race

package engine_test

import "time"

// scrapes are the intervals at which the truth table is run.
func scrapes() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 15 * time.Second, 30 * time.Second}
}
