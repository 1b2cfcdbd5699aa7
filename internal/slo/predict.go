package slo

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"
)

// Timing is how a Prometheus sees time.
type Timing struct {
	Scale      float64 // alert windows are divided by it; 1 is unscaled
	Scrape     time.Duration
	Evaluation time.Duration
	// Rate is how many events there are a second, by the target's clock; 0: enough.
	Rate float64
	// History is how far its samples go back when the fault begins, by the target's
	// clock; 0: as far as every window.
	History time.Duration
	// GroupWait is how long Alertmanager collects alerts before it notifies.
	GroupWait time.Duration
}

// Prediction says when one burn-rate alert fires at one steady error ratio.
type Prediction struct {
	SLO         string  `json:"slo"`
	Alert       string  `json:"alert"`
	Severity    string  `json:"severity"`
	LongWindow  string  `json:"longWindow"`
	ShortWindow string  `json:"shortWindow"`
	BurnRate    float64 `json:"burnRate"`  // threshold of the alert
	Threshold   float64 `json:"threshold"` // the same as an error ratio
	ErrorRatio  float64 `json:"errorRatio"`
	Fires       bool    `json:"fires"`
	// Seconds from the fault's start; 0 when the alert does not fire.
	MinSeconds float64 `json:"minSeconds"`
	MaxSeconds float64 `json:"maxSeconds"`
	// NoticeSeconds is when Alertmanager has notified at the latest, once Prometheus
	// sent it the alert.
	NoticeSeconds float64 `json:"noticeSeconds"`
	// ResetSeconds is when the alert has ended at the latest, from the end of all errors
	// while there are events; 0 when it does not fire.
	ResetSeconds float64 `json:"resetSeconds"`
	// BudgetSpent is the share of the whole budget gone at the latest detection,
	// on an unscaled clock; 0 when the alert does not fire.
	BudgetSpent float64 `json:"budgetSpent"`
}

// Predictions are the predictions of every burn-rate alert whose SLO is in the
// set, at each error ratio, in the order of the models. Alerts that do not watch
// a burn rate are left out: an error ratio does not say when they fire.
func (s Set) Predictions(models []AlertModel, errorRatios []float64, t Timing) []Prediction {
	var ps []Prediction
	for _, m := range models {
		o, ok := s.Get(m.SLO)
		if !ok || m.Burn == nil {
			continue
		}
		for _, e := range errorRatios {
			p := Prediction{
				SLO: m.SLO, Alert: m.Name, Severity: m.Severity,
				LongWindow: short(m.Burn.Long), ShortWindow: short(m.Burn.Short),
				BurnRate: clean(m.Burn.Rate), Threshold: m.Burn.Threshold(m.Objective), ErrorRatio: e,
			}
			if earliest, latest, ok := m.Predict(e, t); ok {
				p.Fires = true
				p.MinSeconds, p.MaxSeconds = earliest.Seconds(), latest.Seconds()
				p.NoticeSeconds = (latest + t.GroupWait).Seconds()
				p.ResetSeconds = m.resolved(t).Seconds()
				// The rate of events cancels out: 1 a second will do.
				p.BudgetSpent = clean(Spend(e*latest.Seconds()*t.Scale, m.Objective, 1, o.Window))
			}
			ps = append(ps, p)
		}
	}
	return ps
}

// WriteText writes predictions as a table for a person.
func WriteText(w io.Writer, ps []Prediction) error {
	// A table is written by Flush, which returns what went wrong.
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SLO\tALERT\tSEVERITY\tWINDOWS\tBURN RATE\tERRORS\tFIRES AFTER\tNOTIFIED WITHIN\tENDS WITHIN\tBUDGET SPENT")
	for _, p := range ps {
		after, notified, ends, spent := "never", "-", "-", "-"
		if p.Fires {
			notified = human(p.NoticeSeconds)
			after = span(p.MinSeconds, p.MaxSeconds)
			ends = human(p.ResetSeconds)
			spent = fmt.Sprintf("%.3g%%", 100*p.BudgetSpent)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s/%s\t%.4g\t%.4g%%\t%s\t%s\t%s\t%s\n",
			p.SLO, p.Alert, p.Severity, p.LongWindow, p.ShortWindow, p.BurnRate, 100*p.ErrorRatio, after, notified, ends, spent)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("write predictions: %w", err)
	}
	return nil
}

// WriteJSON writes predictions as one indented JSON array, never null.
func WriteJSON(w io.Writer, ps []Prediction) error {
	if ps == nil {
		ps = []Prediction{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(ps); err != nil {
		return fmt.Errorf("write predictions: %w", err)
	}
	return nil
}

func span(earliest, latest float64) string {
	if latest-earliest < 0.1 {
		return human(latest)
	}
	return human(earliest) + " to " + human(latest)
}

// human prints seconds with a precision that fits their size.
func human(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

func short(d time.Duration) string { return model.Duration(d).String() }
