package slo

import (
	"testing"
	"time"
)

func TestPredictWithFewEvents(t *testing.T) {
	fast := BurnWindows(month, 0.999)[0]
	m := AlertModel{Objective: 0.999, Burn: &fast, LeastBad: 3}
	for _, tt := range []struct {
		name             string
		errors, rate     float64
		earliest, latest time.Duration
		ok               bool
	}{
		{"enough is what no rate says", 1, 0, 50 * time.Second, 112 * time.Second, true},
		{"ten events a second pass the guard at once", 1, 10, 50 * time.Second, 112 * time.Second, true},
		{"one event a minute has to fail three times", 1, 1.0 / 60, 90 * time.Second, 4 * time.Minute, true},
		{"one event in ten minutes takes half an hour", 1, 1.0 / 600, 15 * time.Minute, 31 * time.Minute, true},
		{"one event in half an hour never fails three times in the window", 1, 1.0 / 1800, 0, 0, false},
		{"nor do half of two in half an hour", 0.5, 2.0 / 1800, 0, 0, false},
	} {
		earliest, latest, ok := m.Predict(tt.errors, Timing{Scale: 1, Scrape: 30 * time.Second, Evaluation: 30 * time.Second, Rate: tt.rate})
		if ok != tt.ok || (earliest-tt.earliest).Abs() > time.Second || (latest-tt.latest).Abs() > time.Second {
			t.Errorf("%s: got %s to %s, %v; want %s to %s, %v", tt.name, earliest, latest, ok, tt.earliest, tt.latest, tt.ok)
		}
	}
}

func TestPredictAfterAYoungHistory(t *testing.T) {
	fast := BurnWindows(month, 0.999)[0]
	m := AlertModel{Objective: 0.999, Burn: &fast}
	const late = time.Minute // a scrape and an evaluation
	for _, tt := range []struct {
		name    string
		errors  float64
		history time.Duration
		latest  time.Duration
	}{
		{"a history that is as long as the window is none", 1, time.Hour, 51840*time.Millisecond + late},
		{"of ten minutes, 1.46% are enough", 1, 10 * time.Minute, 8766*time.Millisecond + late},
		{"a tenth of the events takes longer", 0.1, 10 * time.Minute, 100935*time.Millisecond + late},
		{"the window is full before the errors are enough", 0.0145, 10 * time.Minute, 59*time.Minute + 35*time.Second + late},
	} {
		_, latest, ok := m.Predict(tt.errors, Timing{Scale: 1, Scrape: late / 2, Evaluation: late / 2, History: tt.history})
		if !ok || (latest-tt.latest).Abs() > time.Second {
			t.Errorf("%s: got %s, %v; want %s", tt.name, latest, ok, tt.latest)
		}
	}
}

func TestPredict(t *testing.T) {
	fast := BurnWindows(month, 0.999)[0]
	burn := AlertModel{Objective: 0.999, Burn: &fast}
	slowClient := burn
	slowClient.EventDelay = time.Second
	down := AlertModel{For: 2 * time.Minute}
	slowGroup := burn
	slowGroup.Interval, slowGroup.Feeds = 2*time.Minute, []time.Duration{0, 0}
	tests := []struct {
		name       string
		model      AlertModel
		errors     float64
		scale      float64
		scrape     time.Duration
		evaluation time.Duration
		min, max   time.Duration
		ok         bool
	}{
		{"a burn alert as it is", burn, 1, 1, 15 * time.Second, 30 * time.Second, 51408 * time.Millisecond, 96840 * time.Millisecond, true},
		{"a burn alert on scaled time", burn, 1, 75, time.Second, time.Second, 662 * time.Millisecond, 2691 * time.Millisecond, true},
		{"a burn alert whose events are counted late", slowClient, 1, 75, time.Second, time.Second, 662 * time.Millisecond, 3691 * time.Millisecond, true},
		{"a burn alert of a slow group that reads another group", slowGroup, 1, 1, 15 * time.Second, 30 * time.Second, 51408 * time.Millisecond, (51840 + 15000 + 30000 + 120000) * time.Millisecond, true},
		{"errors below the threshold", burn, 0.01, 75, time.Second, time.Second, 0, 0, false},
		{"a short window without two scrapes", burn, 1, 200, time.Second, time.Second, 0, 0, false},
		{"a pending time rounded up to evaluations", down, 0, 75, time.Second, time.Second, 1600 * time.Millisecond, 5 * time.Second, true},
		{"a pending time that is whole evaluations", down, 0, 1, 15 * time.Second, 30 * time.Second, 2 * time.Minute, 3 * time.Minute, true},
		{"a scale of zero", burn, 1, 0, time.Second, time.Second, 0, 0, false},
		{"a condition that nothing is known of", AlertModel{Opaque: true}, 1, 1, time.Second, time.Second, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			earliest, latest, ok := tt.model.Predict(tt.errors, Timing{Scale: tt.scale, Scrape: tt.scrape, Evaluation: tt.evaluation})
			const tolerance = time.Millisecond
			if ok != tt.ok || (earliest-tt.min).Abs() > tolerance || (latest-tt.max).Abs() > tolerance {
				t.Errorf("got %s to %s, %v; want %s to %s, %v", earliest, latest, ok, tt.min, tt.max, tt.ok)
			}
		})
	}
}
