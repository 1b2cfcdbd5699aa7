package slo

import "time"

// Policy is a burn-rate alert that an alert policy asks for. Its tier is the name of the
// policy.
type Policy struct {
	BurnWindow
	// For is how long the condition has to be met.
	For time.Duration
	// Targets are the names of its notification targets, sorted and joined by commas:
	// Alertmanager may route by them.
	Targets string
}
