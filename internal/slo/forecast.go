package slo

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnpredictable is returned where the rules do not say when an alert fires.
var ErrUnpredictable = errors.New("the rule cannot be predicted")

// Forecast bounds what an alert does that any of several rules can raise, while
// every event is bad and every condition true.
type Forecast struct {
	// Earliest is when the quickest of the rules can fire, Latest when the slowest
	// of those that can fire at all has fired, both from the fault's start.
	Earliest, Latest time.Duration
	// Resolved is when it is over at the latest, from when the platform is healthy again.
	Resolved time.Duration
}

// Foresee predicts an alert with these labels from the rules that can raise it.
// Every one of them is given the time to fire, as any may be the one that is meant.
// The error wraps ErrUnpredictable and names the rule: there is none, one is Opaque,
// or none can fire.
func Foresee(models []AlertModel, labels map[string]string, t Timing) (Forecast, error) {
	var f Forecast
	found, name := false, ""
	for _, m := range models {
		if !m.Matches(labels) {
			continue
		}
		name = m.Name
		if m.Opaque {
			return Forecast{}, fmt.Errorf("%w: the condition of %s looks back over a range or at recorded series", ErrUnpredictable, m.Name)
		}
		earliest, latest, ok := m.Predict(1, t)
		if !ok {
			continue
		}
		if !found || earliest < f.Earliest {
			f.Earliest = earliest
		}
		f.Latest = max(f.Latest, latest)
		f.Resolved = max(f.Resolved, m.resolved(t))
		found = true
	}
	switch {
	case name == "":
		return Forecast{}, fmt.Errorf("%w: the rule files have none for this alert", ErrUnpredictable)
	case !found:
		return Forecast{}, fmt.Errorf("%w: %s does not fire at a scrape of %s, not even while every event is bad", ErrUnpredictable, name, t.Scrape)
	}
	return f, nil
}

// resolved bounds the time from the end of all errors to the end of the alert. A
// burn alert is over when its short window holds none of them any more.
func (m AlertModel) resolved(t Timing) time.Duration {
	evaluation := m.Every(t)
	late := t.Scrape + m.hops(t) + evaluation + ceil(divide(m.KeepFiring, t.Scale), evaluation)
	if m.Burn == nil {
		return t.Scrape + late
	}
	return divide(min(m.Burn.Short, m.Burn.Long)+m.Lag, t.Scale) + m.EventDelay + late
}
