package result

import "time"

// Series are the measurements over time, ascending.
type Series struct {
	Counts []Counts     `json:"counts,omitempty"`
	Values []Values     `json:"values,omitempty"`
	Alerts []AlertSpans `json:"alerts,omitempty"`
	// AlertsTrouble says why alerts could not be read at the end.
	AlertsTrouble *Trouble `json:"alertsTrouble,omitempty"`
	// Errors and Conditions are what expected alerts are predicted from.
	Errors     []Errors     `json:"errors,omitempty"`
	Conditions []Condition  `json:"conditions,omitempty"`
	Health     []HealthSpan `json:"health,omitempty"`
	// Coverage is absent where nothing was injected.
	Coverage []Coverage `json:"coverage,omitempty"`
}

// Counts are the events of one SLO since counting began.
type Counts struct {
	SLO   string  `json:"slo"`
	Steps []Count `json:"steps,omitempty"`
	// Unread says why the whole run could not be read again at the end; the steps
	// are then those that were seen meanwhile.
	Unread *Trouble `json:"unread,omitempty"`
}

// Count is the number of events by one scrape.
type Count struct {
	T     time.Time `json:"t"` // of the scrape; of the step when it is missing
	Good  float64   `json:"good,omitempty"`
	Total float64   `json:"total,omitempty"`
	// Missing is true where there was no fresh sample.
	Missing bool `json:"missing,omitempty"`
}

// Values are what a bounded PromQL expression evaluated to.
type Values struct {
	Name   string   `json:"name"`
	Steps  []Value  `json:"steps,omitempty"`
	Unread *Trouble `json:"unread,omitempty"`
}

// Value is one evaluation. Kind is empty for a number.
type Value struct {
	T    time.Time   `json:"t"`
	V    Number      `json:"v"`
	Kind TroubleKind `json:"kind,omitempty"`
}

// AlertSpans is when one alert series was pending and firing.
type AlertSpans struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels,omitempty"` // without alertname and alertstate
	Pending []Span            `json:"pending,omitempty"`
	Firing  []Span            `json:"firing,omitempty"`
}

// HealthSpan is a stretch in which every look saw the same pods of a workload.
type HealthSpan struct {
	Pods
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}
