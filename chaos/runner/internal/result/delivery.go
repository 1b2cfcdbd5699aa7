package result

import "time"

// Delivery is what Alertmanager knew of the expected alerts that fired.
type Delivery struct {
	// From names the Alertmanager that was asked.
	From string `json:"from,omitempty"`
	// None says why no delivery is judged: there is no Alertmanager, or it was not to be
	// asked. From is then empty.
	None string `json:"none,omitempty"`
	// Trouble is why an Alertmanager that there is could not be asked.
	Trouble *Trouble    `json:"trouble,omitempty"`
	Alerts  []Delivered `json:"alerts,omitempty"`
}

// Delivered is what Alertmanager answered about one alert series that fired.
type Delivered struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"` // without alertname and alertstate
	// Seen is the first look at which Alertmanager had it, StartsAt since when it fires
	// by what Alertmanager has.
	Seen     *time.Time `json:"seen,omitempty"`
	StartsAt *time.Time `json:"startsAt,omitempty"`
	// Lacking is the last look at which it fired and Alertmanager did not have it.
	Lacking *time.Time `json:"lacking,omitempty"`
	Trouble *Trouble   `json:"trouble,omitempty"` // of the last question
}
