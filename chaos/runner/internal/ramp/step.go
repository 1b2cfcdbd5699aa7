package ramp

import (
	"fmt"
	"math"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// SLO is an objective that every step has to keep.
type SLO struct {
	Name      string
	Objective float64 // share of good events
}

// least is how many events it takes until a single bad one is within the objective.
func (s SLO) least() float64 { return math.Ceil((1 - 1e-9) / (1 - s.Objective)) }

// Step is one rate, what happened at it, and what that means.
type Step struct {
	Rate float64   `json:"rate"` // requests per second
	From time.Time `json:"from"` // of what was counted
	To   time.Time `json:"to"`

	Client   Client    `json:"client"`
	Replicas *Replicas `json:"replicas,omitempty"` // absent where nobody could say
	SLIs     []SLI     `json:"slis,omitempty"`

	Outcome Outcome       `json:"outcome"`
	Reason  result.Reason `json:"reason,omitempty"`
	// Broke is the SLO that did not hold, or ClientErrors.
	Broke string `json:"broke,omitempty"`
	Why   string `json:"why,omitempty"`
}

// Client is what the load itself saw.
type Client struct {
	Success uint64         `json:"success"`
	Errors  uint64         `json:"errors"`
	P50     result.Seconds `json:"p50Seconds"`
	P99     result.Seconds `json:"p99Seconds"`
	// LagP99 is how late requests were sent.
	LagP99 result.Seconds `json:"lagP99Seconds"`
}

// Replicas are the pods of the service at the end of a step.
type Replicas struct {
	Ready  int `json:"ready"`
	Wanted int `json:"wanted"`
}

// SLI is what Prometheus counted of one SLO.
type SLI struct {
	SLO       string  `json:"slo"`
	Objective float64 `json:"objective"`
	Bad       float64 `json:"bad"`
	Total     float64 `json:"total"`
	// Trouble is why nothing could be counted.
	Trouble string `json:"trouble,omitempty"`
}

// Outcome is what a step showed.
type Outcome string

// The outcomes of a step.
const (
	Held      Outcome = "held"
	Broken    Outcome = "broken"
	NotJudged Outcome = "not judged"
)

const (
	// maxLag is how late the load may send before its numbers are about itself.
	maxLag = 0.1
	// ClientErrors stands for the load's own requests where an SLO is named.
	ClientErrors = "the load's own requests"
)

// judge says what the step showed. An instrument that was late is looked for first: all
// other numbers are then those of a starved machine. Missing data come before what others
// count, as the SLO that was not seen may be the one that broke first.
func (s Step) judge() Step {
	if lag := float64(s.Client.LagP99); lag > maxLag {
		return s.notJudged(result.InstrumentUnfit, "the load sent 1 of 100 requests %.0f ms late or more, and above %.0f ms nothing can be judged: what this machine could send is no limit of the service; use a machine with more processors for the load, or a lower --max", lag*1000, maxLag*1000)
	}
	for _, i := range s.SLIs {
		if i.Trouble != "" {
			return s.notJudged(result.NoData, "%s: %s", i.SLO, i.Trouble)
		}
	}
	for _, i := range s.SLIs {
		if least := (SLO{i.SLO, i.Objective}).least(); i.Total < least {
			return s.notJudged(result.LowTraffic, "%s: only %.0f events were counted, and it takes %.0f until one bad event is within the objective; give a longer --hold", i.SLO, i.Total, least)
		}
	}
	for _, i := range s.SLIs {
		if i.Bad > (1-i.Objective)*i.Total+1e-6 {
			return s.broken(i.SLO, "%.0f of %.0f events were bad, %s; the objective lets %s be", i.Bad, i.Total, percent(i.Bad/i.Total), percent(1-i.Objective))
		}
	}
	if all := s.Client.Success + s.Client.Errors; all > 0 {
		budget := 0.0
		for _, i := range s.SLIs {
			budget = max(budget, 1-i.Objective)
		}
		if failed := float64(s.Client.Errors); failed > 1 && failed > budget*float64(all)+1e-6 {
			return s.broken(ClientErrors, "%d of %d failed, %s; the widest of the objectives lets %s fail", s.Client.Errors, all, percent(failed/float64(all)), percent(budget))
		}
	}
	s.Outcome = Held
	return s
}

func (s Step) notJudged(r result.Reason, format string, args ...any) Step {
	s.Outcome, s.Reason, s.Why = NotJudged, r, fmt.Sprintf(format, args...)
	return s
}

func (s Step) broken(slo, format string, args ...any) Step {
	s.Outcome, s.Reason, s.Broke, s.Why = Broken, result.SLOBroken, slo, fmt.Sprintf(format, args...)
	return s
}

// percent has three digits that count.
func percent(ratio float64) string { return fmt.Sprintf("%.3g%%", 100*ratio) }
