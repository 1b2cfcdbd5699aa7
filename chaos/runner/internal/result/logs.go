package result

import "time"

// Logs are what the platform said while the run watched it: lines of its logs and events
// of the cluster. They explain a verdict and decide nothing.
type Logs struct {
	// From and To bound what was asked for: from shortly before the fault to the end.
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Lines []LogLine `json:"lines,omitempty"` // ascending
	// Dropped counts lines that were left out, as there is only so much room for them.
	Dropped int `json:"dropped,omitempty"`
	// Missing says what could not be read, and why.
	Missing []string `json:"missing,omitempty"`
}

// LogLine is one line of a log, or one event.
type LogLine struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"` // whose it is: a pod, or the object of an event
	Text   string    `json:"text"`   // cut where it is long, without secrets
}
