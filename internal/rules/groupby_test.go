package rules

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/ballast-sre/ballast/internal/slo"
)

// Each group is an SLO of its own: an outage of a small one does not drown in the
// traffic of a large one, and its alerts say which it is.
func TestAGroupedSLOIsJudgedGroupByGroup(t *testing.T) {
	s := slo.SLO{
		Name: "probes", Service: "shop", Objective: 0.999, Window: 30 * 24 * time.Hour, GroupBy: []string{"probe"},
		Good: `probe_requests_total{job="probe",outcome="success"}`, Total: `probe_requests_total{job="probe"}`,
	}
	set := local(t)
	set.groups = scaled(t, FromSLO(s), localScale)
	set.other = &probe{job: "probe", name: "shop", rate: 5000}
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t, set)
		p.run(traffic{last: 3 * time.Second, rate: 50}, traffic{last: 6 * time.Second, rate: 50, errors: 1})
		if got := p.labelsOf(`ALERTS{alertstate="firing"}`, "probe"); !slices.Equal(got, []string{"monitor"}) {
			t.Errorf("alerts fire for %v, want for monitor alone", got)
		}
		// Nobody counts the group any more: it is unseen, and the other is not.
		p.run(traffic{last: 14 * time.Second, rate: 50, errors: 1, unseen: true})
		if got := p.labelsOf(`ALERTS{alertname="ProbesNoData",alertstate="firing"}`, "probe"); !slices.Equal(got, []string{"monitor"}) {
			t.Errorf("the SLO is unseen for %v, want for monitor alone", got)
		}
		if got := p.labelsOf(slo.SeriesBudgetSpent, "probe"); !slices.Equal(got, []string{"monitor", "shop"}) {
			t.Errorf("budgets are known of %v, want of both", got)
		}
	})
}

// labelsOf are the values of a label in the answer, sorted.
func (p *platform) labelsOf(expr, label string) []string {
	p.t.Helper()
	q, err := p.engine.NewInstantQuery(context.Background(), p.db, nil, fmt.Sprintf("group by (%s) (%s)", label, expr), time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(context.Background()).Vector()
	if err != nil {
		p.t.Fatal(err)
	}
	var values []string
	for _, s := range v {
		s.Metric.Range(func(l labels.Label) { values = append(values, l.Value) })
	}
	slices.Sort(values)
	return values
}
