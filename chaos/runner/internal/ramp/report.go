package ramp

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Report is a test with all that a reader has to know of it.
type Report struct {
	Target   string    `json:"target"`
	URL      string    `json:"url"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Settings Settings  `json:"settings"`
	Notes    []string  `json:"notes,omitempty"`
	Result
	// Cost is absent where no prices were given, and where nothing was sustained.
	Cost *Cost `json:"cost,omitempty"`
	// NoCost is why there is no figure.
	NoCost string `json:"noCost,omitempty"`
}

// Settings are the plan, as it was asked for.
type Settings struct {
	Start  float64        `json:"start"`
	Factor float64        `json:"factor"`
	Max    float64        `json:"max"`
	Settle result.Seconds `json:"settle"`
	Hold   result.Seconds `json:"hold"`
}

// Of is the plan for a report.
func Of(p Plan) Settings {
	return Settings{p.Start, p.Factor, p.Max, result.InSeconds(p.Settle), result.InSeconds(p.Hold)}
}

// Priced adds what the sustained rate costs; nil prices are none.
func (r Report) Priced(p *Prices) Report {
	switch {
	case p == nil:
		r.NoCost = "no prices were given (--prices)"
	case r.Sustained == nil:
		r.NoCost = "no rate was sustained"
	default:
		if r.Cost = p.Of(r.Sustained); r.Cost == nil {
			r.NoCost = "a price is by replica, and nobody could say how many were ready"
		}
	}
	return r
}

// Line is one step in a line, for who waits.
func Line(s Step) string {
	text := fmt.Sprintf("%8s/s  %-10s  p99 %s", number(s.Rate), s.Outcome, short(s.Client.P99))
	if s.Broke != "" {
		text += "  " + s.Broke
	} else if s.Reason != "" {
		text += "  " + string(s.Reason)
	}
	return text
}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	fmt.Fprintf(w, "Load test of target %s: %s\n\n", r.Target, r.URL)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RATE\tHELD FOR\tOUTCOME\tP50\tP99\tERRORS\tLAG P99\tREPLICAS\tSLOS: BAD OF ALL EVENTS")
	for _, s := range r.Steps {
		replicas := "unknown"
		if s.Replicas != nil {
			replicas = fmt.Sprintf("%d of %d", s.Replicas.Ready, s.Replicas.Wanted)
		}
		fmt.Fprintf(table, "%s/s\t%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\t%s\n", number(s.Rate), s.To.Sub(s.From).Round(time.Second), s.Outcome,
			short(s.Client.P50), short(s.Client.P99), s.Client.Errors, s.Client.Success+s.Client.Errors, short(s.Client.LagP99), replicas, slis(s.SLIs))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s: %s\n", r.Verdict, r.Sentence)
	if c := r.Cost; c != nil {
		fmt.Fprintf(w, "Cost: %.4g %s per million requests, at %g requests per second and %.4g %s an hour (%s, %s)\n", c.PerMillion, c.Currency, c.Rate, c.PerHour, c.Currency, c.Source, c.Date)
	} else {
		fmt.Fprintf(w, "Cost: no figure, as %s\n", r.NoCost)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "Note: %s\n", n)
	}
	return nil
}

func slis(all []SLI) string {
	var parts []string
	for _, i := range all {
		counted := fmt.Sprintf("%.0f of %.0f", i.Bad, i.Total)
		if i.Trouble != "" {
			counted = "not counted"
		}
		parts = append(parts, i.SLO+" "+counted)
	}
	return strings.Join(parts, ", ")
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// short is a duration with three digits that count.
func short(s result.Seconds) string {
	d := s.Duration()
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
