package result

import "time"

// EventType is the sort of an event.
type EventType string

// The events of a run, in the order in which they first occur.
const (
	EventPhase   EventType = "phase"   // a phase began
	EventPlan    EventType = "plan"    // targets are resolved
	EventSample  EventType = "sample"  // one tick: the indicators now
	EventEffect  EventType = "effect"  // a fault was, or was not, shown
	EventAlert   EventType = "alert"   // an alert changed state
	EventFinding EventType = "finding" // something spoke against a pass
	EventVerdict EventType = "verdict" // the run is judged
)

// Event is one thing that happened, as --format json streams it, a line each.
type Event struct {
	Time       time.Time `json:"time"`
	Type       EventType `json:"type"`
	Run        string    `json:"run"`
	Experiment string    `json:"experiment"`
	Attempt    int       `json:"attempt,omitempty"`

	Phase   Phase      `json:"phase,omitempty"`
	Until   *time.Time `json:"until,omitempty"` // when the phase ends at the latest
	Samples []Now      `json:"samples,omitempty"`
	Fault   *Fault     `json:"fault,omitempty"`
	Effect  *Effect    `json:"effect,omitempty"`
	Alert   string     `json:"alert,omitempty"`
	State   string     `json:"state,omitempty"` // of the alert: pending, firing, resolved
	Finding *Finding   `json:"finding,omitempty"`
	Verdict Verdict    `json:"verdict,omitempty"`
	Reason  Reason     `json:"reason,omitempty"`
	Summary string     `json:"summary,omitempty"`
}

// Now is one indicator at a tick. A nil Value means that there was no data.
type Now struct {
	Name     string   `json:"name"`
	Value    *float64 `json:"value,omitempty"`    // error ratio of an SLO, or the PromQL value
	BurnRate *float64 `json:"burnRate,omitempty"` // of an SLO
	Spent    *float64 `json:"spent,omitempty"`    // share of the budget since t0
}
