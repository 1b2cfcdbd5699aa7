//go:build !linux

package main

import "time"

func sleepUntil(due time.Time) { time.Sleep(time.Until(due)) }

// A priority is read and raised on Linux only; elsewhere it is taken to be normal.
func handicap() string       { return "" }
func normalPriority() string { return "" }
