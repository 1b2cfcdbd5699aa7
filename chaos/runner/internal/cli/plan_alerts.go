package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// knowing is a site whose places know the alert rules, so that they can predict them.
type knowing struct {
	site
	alerts []slo.AlertModel
}

func (k knowing) open(ctx context.Context, x experiment.Experiment, exclusive bool) (*place, error) {
	p, err := k.site.open(ctx, x, exclusive)
	if p != nil {
		p.Alerts = k.alerts
	}
	return p, err
}

// plannedAlert is when an expected alert must fire, in seconds from the fault's
// start, and what its rules promise. Predicted bounds are this promise and a slack.
type plannedAlert struct {
	Alert             string           `json:"alert"`
	Within            float64          `json:"within,omitempty"`
	WithinPredicted   bool             `json:"withinPredicted,omitempty"`
	ResolvesWithin    float64          `json:"resolvesWithin,omitempty"` // from the removal
	ResolvesPredicted bool             `json:"resolvesPredicted,omitempty"`
	Forecast          *result.Forecast `json:"forecast,omitempty"`
	Unpredictable     string           `json:"unpredictable,omitempty"`
}

// held is how long the fault is held, in seconds from when it shows, and from its
// start at the latest.
type held struct {
	Seconds float64 `json:"seconds"`
	// UpTo is set where alerts are waited for longer than that.
	UpTo float64 `json:"upTo,omitempty"`
}

func heldFor(x *result.Spec) held {
	h := held{Seconds: float64(x.Timing.Observe)}
	for _, e := range x.Expect {
		if e.Within > x.Timing.Observe {
			h.UpTo = judge.LongestHold(x).Seconds()
		}
	}
	return h
}

func plannedAlerts(x *result.Spec) []plannedAlert {
	var out []plannedAlert
	for _, e := range x.Expect {
		out = append(out, plannedAlert{
			Alert: e.Name, Within: float64(e.Within), WithinPredicted: e.WithinPredicted,
			ResolvesWithin: float64(e.ResolvesWithin), ResolvesPredicted: e.ResolvesPredicted,
			Forecast: e.Forecast, Unpredictable: e.Unpredictable,
		})
	}
	return out
}

func printAlerts(b *strings.Builder, p planned) {
	if p.Observe.UpTo > 0 {
		fmt.Fprintf(b, "  observe lasts %g s, and on until the expected alerts have fired, at most %.4g s after the fault began\n", p.Observe.Seconds, p.Observe.UpTo)
	}
	for _, a := range p.Alerts {
		if a.Within == 0 {
			fmt.Fprintf(b, "  alert %s: %s\n", a.Alert, a.Unpredictable)
			continue
		}
		fmt.Fprintf(b, "  alert %s fires within %.4g s (%s)", a.Alert, a.Within, origin(a.WithinPredicted))
		if a.ResolvesWithin > 0 {
			fmt.Fprintf(b, " and resolves within %.4g s of the removal (%s)", a.ResolvesWithin, origin(a.ResolvesPredicted))
		}
		if f := a.Forecast; f != nil {
			fmt.Fprintf(b, "; its rules need %.4g s to %.4g s here once the fault is felt", float64(f.Earliest), float64(f.Latest))
		}
		b.WriteString("\n")
	}
}

func origin(predicted bool) string {
	if predicted {
		return "predicted, with slack"
	}
	return "as asked for"
}
