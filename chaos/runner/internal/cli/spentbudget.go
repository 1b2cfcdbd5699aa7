package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// The counters of all events that the load of target local exposes.
const (
	countRequests  = "probe_requests_total"
	countDurations = "probe_request_duration_seconds_count"
)

// The incident that spent part of a budget is early in the budget's period, further back than
// burn-rate alerts look, and lasts a tenth of the period.
const (
	incidentBegin = 0.95
	incidentEnd   = 0.85
)

// spentBudget is an error budget of which a share is spent when a run begins.
type spentBudget struct {
	slo   slo.SLO
	share float64 // of the whole budget, above 0 and below 1
	slow  bool    // spent by slow answers; else by requests without an answer
}

// spentBudgets reads SLO=SHARE. The error names everything that is wrong.
func spentBudgets(list []string, set slo.Set) ([]spentBudget, error) {
	var out []spentBudget
	var errs []error
	for _, text := range list {
		b, err := spentBudgetOf(text, set)
		for _, o := range out {
			if err == nil && o.slow == b.slow {
				err = fmt.Errorf("%s counts the same requests as %s; spend from one of them", b.slo.Name, o.slo.Name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--budget-spent %q: %w", text, err))
			continue
		}
		out = append(out, b)
	}
	return out, errors.Join(errs...)
}

func spentBudgetOf(text string, set slo.Set) (b spentBudget, err error) {
	name, share, ok := strings.Cut(text, "=")
	percent, isPercent := strings.CutSuffix(share, "%")
	b.share, err = strconv.ParseFloat(percent, 64)
	if b.share /= 100; !ok || !isPercent || err != nil || !(b.share > 0 && b.share < 1) {
		return b, errors.New("want SLO=SHARE with more than 0% and less than 100%, such as monitor-latency=90%")
	}
	if b.slo, ok = set.Get(name); !ok {
		return b, fmt.Errorf("there is no SLO %q%s", name, document.Suggest(name, set.Names()))
	}
	counts := counterOf(b.slo)
	switch {
	case counts != countRequests && counts != countDurations:
		return b, fmt.Errorf("the total of %s is not a counter of the load of target local; choose an SLO on %s or %s", name, countRequests, countDurations)
	case b.badShare() >= 1:
		return b, fmt.Errorf("an incident that lasts a tenth of %s cannot spend so much of an error budget of %.3g%%; give a smaller share", b.slo.Window, 100*b.slo.Budget())
	}
	b.slow = counts == countDurations
	return b, nil
}

// counterOf names the counter of an SLO's events; empty for an SLO on time.
func counterOf(o slo.SLO) string {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(o.Total)
	if err != nil { // an SLO on time has no query
		return ""
	}
	if vs, ok := expr.(*parser.VectorSelector); ok {
		return vs.Name
	}
	return ""
}

// badShare is how many of the requests during the incident are bad.
func (b spentBudget) badShare() float64 {
	return b.share * b.slo.Budget() / (incidentBegin - incidentEnd)
}

// incidents are those that spent the budgets, in the scaled time of target local.
func incidents(spent []spentBudget) []local.Incident {
	var out []local.Incident
	for _, b := range spent {
		ago := func(part float64) time.Duration {
			return time.Duration(part * float64(b.slo.Window) / localAlertScale)
		}
		i := local.Incident{Begin: ago(incidentBegin), End: ago(incidentEnd)}
		if b.slow {
			i.Slow = b.badShare()
		} else {
			i.Failed = b.badShare()
		}
		out = append(out, i)
	}
	return out
}
