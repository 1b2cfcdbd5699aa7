package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

// lookback is how long the newest sample of a series counts.
const lookback = 5 * time.Minute

// burnAlerts are the alerts of a severity's tiers. They have no pending time: the long
// window is their patience.
//
// An alert that fires is given up later than it is raised, so that it does not come and
// go with every request of a quiet service: a short window without any event neither
// fires nor ends it, and half of the bad events that it takes to fire are enough to go
// on. That it fires is known from ALERTS, whose newest sample is of the evaluation before:
// where slices are as long as that counts, it is read from a range.
func (g generator) burnAlerts(severity string) []rulefmt.Rule {
	var rules []rulefmt.Rule
	for _, t := range g.slo.Tiers() {
		if t.Severity == severity {
			rules = append(rules, g.burnAlert(t))
		}
	}
	return rules
}

func (g generator) burnAlert(t slo.BurnWindow) rulefmt.Rule {
	name := BurnAlertName(g.slo.Name)
	labels := g.alertLabels(t.Severity)
	labels[LabelTier] = t.Tier
	labels[LabelLongWindow] = window(t.Long)
	labels[LabelShortWindow] = window(t.Short)
	return rulefmt.Rule{
		Alert:  name,
		Expr:   g.burns(t),
		Labels: labels,
		Annotations: g.annotations(name,
			fmt.Sprintf("%s burns its error budget at %s times the sustainable rate or faster.", g.title(), number(t.Rate)),
			fmt.Sprintf("{{ $value | humanizePercentage }} %s, against %s allowed, and it goes on. At this pace %s of the %s budget are gone within %s.",
				g.went(t.Long), percent(g.slo.Budget()), percent(round(t.Share, 4)), window(g.slo.Window), window(t.Long)),
		),
	}
}

// threshold is the error ratio above which a tier fires, as rate × budget where a reader
// of the rule sees both. Where the noise of binary fractions makes that product smaller
// than it is, an error ratio of just as much would be above it.
func (g generator) threshold(t slo.BurnWindow) string {
	exact := t.Threshold(g.slo.Objective)
	if t.Rate*g.slo.Budget() < exact {
		return number(exact)
	}
	return fmt.Sprintf("%s * %s", number(t.Rate), number(g.slo.Budget()))
}

func (g generator) burns(t slo.BurnWindow) string {
	long, short := g.at(slo.SeriesErrorRatio, t.Long), g.at(slo.SeriesErrorRatio, t.Short)
	bad := g.at(slo.SeriesBadEvents, t.Long)
	threshold := g.threshold(t)
	fired := fmt.Sprintf("ALERTS{alertname=%q,alertstate=\"firing\",slo=%q,tier=%q}", BurnAlertName(g.slo.Name), g.slo.Name, t.Tier)
	if every := time.Duration(g.interval()); t.Severity == slo.Page && every >= lookback {
		fired = fmt.Sprintf("last_over_time(%s[%s])", fired, window(every+time.Minute))
	}
	firing := fmt.Sprintf("max by (%s) (%s)", strings.Join(append([]string{LabelService, LabelSLO}, g.slo.GroupBy...), ", "), fired)
	// Counts are products of fractions: three events may be 2.9999999996.
	least := float64(g.slo.LeastBad()) - 0.5
	still := float64((g.slo.LeastBad()+1)/2) - 0.5
	enough := fmt.Sprintf("and %s > %s\n", bad, number(least))
	if still < least { // half of one is no fewer
		enough = fmt.Sprintf(`and (
    %[1]s > %[2]s
  or (
    %[1]s > %[3]s
    and %[4]s
  )
)
`, bad, number(least), number(still), firing)
	}
	return fmt.Sprintf(`%[1]s > %[3]s
and (
    %[2]s > %[3]s
  or (
    %[4]s
    unless %[2]s
  )
)
%[5]s`, long, short, threshold, firing, enough)
}
