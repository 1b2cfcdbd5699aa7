package slo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

func TestAnExpectedAlertIsForeseenFromItsRules(t *testing.T) {
	tiers := slo.BurnWindows(30*24*time.Hour, 0.999)
	burn := func(tier int, severity string) slo.AlertModel {
		return slo.AlertModel{Name: "Burn", Labels: map[string]string{"severity": severity}, SLO: "a", Objective: 0.999, Burn: &tiers[tier]}
	}
	down := slo.AlertModel{Name: "Down", Labels: map[string]string{"severity": "ticket"}, For: 2 * time.Minute}
	rare := down
	rare.Name, rare.Interval, rare.KeepFiring = "Rare", 5*time.Minute, 10*time.Minute
	opaque := slo.AlertModel{Name: "Loop", Labels: map[string]string{"severity": "loop"}, Opaque: true}
	dead := burn(0, "page")
	dead.Name, dead.Burn = "Dead", &slo.BurnWindow{Long: time.Hour, Short: 5 * time.Minute, Rate: 1000}
	models := []slo.AlertModel{burn(0, "page"), burn(1, "page"), down, rare, opaque, dead}
	slow := slo.Timing{Scale: 1, Scrape: 15 * time.Second, Evaluation: 15 * time.Second}
	quick := slo.Timing{Scale: 75, Scrape: time.Second, Evaluation: time.Second}
	for name, tt := range map[string]struct {
		match map[string]string
		on    slo.Timing
		want  slo.Forecast
		fails string
	}{
		"a condition": {match: map[string]string{"alertname": "Down"}, on: slow, want: slo.Forecast{
			Earliest: 2 * time.Minute, Latest: 165 * time.Second, Resolved: 45 * time.Second,
		}},
		"a condition where windows are scaled": {match: map[string]string{"alertname": "Down"}, on: quick, want: slo.Forecast{
			Earliest: 1600 * time.Millisecond, Latest: 5 * time.Second, Resolved: 3 * time.Second,
		}},
		"a group with an interval of its own": {match: map[string]string{"alertname": "Rare"}, on: slow, want: slo.Forecast{
			Earliest: 2 * time.Minute, Latest: 30*time.Second + 5*time.Minute + 5*time.Minute, Resolved: 30*time.Second + 5*time.Minute + 10*time.Minute,
		}},
		"the quickest tier first, the slowest last": {match: map[string]string{"alertname": "Burn"}, on: slow, want: slo.Forecast{
			// 14.4 × 0.1% of one hour, less two scrapes of it; 6 × 0.1% of six hours.
			Earliest: 51408 * time.Millisecond, Latest: 129600*time.Millisecond + 30*time.Second, Resolved: 30*time.Minute + 30*time.Second,
		}},
		"a rule that looks back":            {match: map[string]string{"alertname": "Loop"}, on: slow, fails: "Loop looks back"},
		"a tier that no error can fire":     {match: map[string]string{"alertname": "Dead"}, on: slow, fails: "Dead does not fire"},
		"windows too short for a scrape":    {match: map[string]string{"alertname": "Burn"}, on: slo.Timing{Scale: 75, Scrape: 30 * time.Second, Evaluation: time.Second}, fails: "Burn does not fire at a scrape of 30s"},
		"an alert that nobody has":          {match: map[string]string{"alertname": "Other"}, on: slow, fails: "the rule files have none"},
		"a scale that says nothing":         {match: map[string]string{"alertname": "Down"}, fails: "Down does not fire"},
		"one opaque rule among those meant": {match: map[string]string{}, on: slow, fails: "Loop looks back"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := slo.Foresee(models, tt.match, tt.on)
			if tt.fails != "" {
				if !errors.Is(err, slo.ErrUnpredictable) || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("%v, want %q", err, tt.fails)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}
