package ruletest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"

	"github.com/ballast-sre/ballast/internal/slo"
)

// plan is a case without what is expected of it.
type plan struct {
	name        string
	every       time.Duration // between samples; 0 for that of evaluations
	runs        [][]stretch   // of each group
	evaluations []time.Duration
	changes     []kind          // before and after a change of these they are checked
	alerts      []time.Duration // all alerts are checked
	burns       []time.Duration // burn-rate alerts are
	values      []time.Duration // all recorded values are compared
	constants   bool            // those too that depend on no event
	// Where time is judged: raw is of a plan whose slices are worked out from what is
	// measured, and are not given; at shares they are compared.
	raw    bool
	shares []time.Duration
}

// maker makes the cases of an SLO.
type maker struct {
	shape
	short  bool     // only the cases that promtool can hold
	probes []*probe // of each group's query
	measure
	groups []rulefmt.RuleGroup
	alerts []alert
	cases  []Case
}

// world is what the rules see in a plan.
func (m *maker) world(p plan) (world, error) {
	if p.every == 0 {
		p.every = m.step()
	}
	w := world{shape: m.shape, every: p.every}
	for number, run := range p.runs {
		group, _ := m.group(number)
		w.groups = append(w.groups, group)
		if m.slo.Slices != nil && !p.raw {
			run = still(run, m.blank)
		}
		if m.queried() {
			continue
		}
		inputs, err := m.counters(number, p.every, run)
		if err != nil {
			return world{}, err
		}
		w.inputs = append(w.inputs, inputs...)
	}
	w.ups = ups(p.runs[0])
	if m.slo.Slices != nil {
		if err := m.judge(&w, p); err != nil {
			return world{}, err
		}
	}
	return w, nil
}

// step is how often rules are evaluated.
func (m *maker) step() time.Duration {
	if m.slo.Slices != nil {
		return m.slo.Slices.Length
	}
	return minute
}

// steps are the evaluations that it takes until so much time has passed.
func (m *maker) steps(d time.Duration) int { return int((d + m.step() - 1) / m.step()) }

// first is how many evaluations see no event yet: one sample of a counter counts nothing.
func (m *maker) first() int {
	if m.slo.Slices != nil {
		return 0
	}
	return 1
}

// add works out what is expected.
func (m *maker) add(p plan) error {
	if m.short && len(p.evaluations) > 0 {
		return nil
	}
	if p.every == 0 {
		p.every = m.step()
	}
	w, err := m.world(p)
	if err != nil {
		return err
	}
	c := Case{Test: Test{Name: p.name, Interval: model.Duration(p.every)}, Every: max(p.every, m.step()), Evaluations: p.evaluations}
	for _, in := range w.inputs {
		c.Series = append(c.Series, Series{notation(in.series), compact(in.samples)})
	}
	if m.queried() {
		c.Interval = model.Duration(m.reads(p))
		for _, in := range m.sampled(p) {
			c.Series = append(c.Series, Series{notation(in.series), compact(in.samples)})
		}
	}
	if m.slo.Slices != nil && !p.raw {
		recorded, err := m.recordedBefore(w, p)
		if err != nil {
			return err
		}
		c.Series = append(c.Series, recorded...)
	}
	if m.up != nil {
		c.Series = append(c.Series, Series{notation(m.up), compact(w.ups)})
	}
	at := p.evaluations
	if len(at) == 0 {
		for t := time.Duration(0); t <= times(len(w.ups)-1, p.every); t += c.Every {
			at = append(at, t)
		}
	}
	line := w.watch(m.alerts, at)
	if c.Alerts, err = line.checks(p); err != nil {
		return err
	}
	slices.Sort(p.values)
	for _, t := range slices.Compact(p.values) {
		c.Samples = append(c.Samples, w.values(m.groups, t, p.constants, p.raw)...)
	}
	for _, t := range p.shares {
		for _, check := range w.values(m.groups, t, false, true) {
			if check.Expr == rounded(slo.SeriesSlice) {
				c.Samples = append(c.Samples, check)
			}
		}
	}
	m.cases = append(m.cases, c)
	return nil
}

// checks are those of alerts.
func (l timeline) checks(p plan) ([]AlertCheck, error) {
	wanted := map[time.Duration][]kind{}
	for _, t := range p.alerts {
		wanted[t] = append(wanted[t], burns, noData, idles, exceeds, exhausted)
	}
	for _, t := range p.burns {
		wanted[t] = append(wanted[t], burns)
	}
	for _, k := range p.changes {
		for n := 1; n < len(l.at); n++ {
			if !slices.Equal(l.of(k, n-1), l.of(k, n)) {
				wanted[l.at[n-1]] = append(wanted[l.at[n-1]], k)
				wanted[l.at[n]] = append(wanted[l.at[n]], k)
			}
		}
	}
	var checks []AlertCheck
	for _, t := range slices.Sorted(maps.Keys(wanted)) {
		n := slices.Index(l.at, t)
		if n < 0 {
			return nil, fmt.Errorf("case %s: no evaluation at %s", p.name, t)
		}
		done := map[string]bool{}
		for _, a := range l.alerts {
			if !slices.Contains(wanted[t], a.kind) || done[a.rule.Alert] {
				continue
			}
			done[a.rule.Alert] = true
			check := AlertCheck{At: model.Duration(t), Name: a.rule.Alert}
			for _, f := range l.firing[n] {
				if l.alerts[f.alert].kind == a.kind {
					check.Firing = append(check.Firing, l.expected(f))
				}
			}
			checks = append(checks, check)
		}
	}
	return checks, nil
}

// of lists which alerts of a kind fire at an evaluation, without their values.
func (l timeline) of(k kind, n int) (all [][2]int) {
	for _, f := range l.firing[n] {
		if l.alerts[f.alert].kind == k {
			all = append(all, [2]int{f.alert, f.group})
		}
	}
	return all
}

// expected is the alert as promtool compares it.
func (l timeline) expected(f firing) Alert {
	rule := l.alerts[f.alert].rule
	own := map[string]string{}
	if f.group != ungrouped {
		maps.Copy(own, l.groups[f.group])
	}
	a := Alert{Labels: maps.Clone(own), Annotations: map[string]string{}}
	for name, text := range rule.Labels {
		a.Labels[name] = expand(text, own, f.value)
	}
	for name, text := range rule.Annotations {
		a.Annotations[name] = expand(text, own, f.value)
	}
	return a
}

// expand is a text of an alert as Prometheus sends it.
func expand(text string, labels map[string]string, v float64) string {
	data := template.AlertTemplateData(labels, nil, "", promql.Sample{F: v})
	const prefix = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	expanded, err := template.NewTemplateExpander(context.Background(), prefix+text, "test", data, 0, nil, &url.URL{}, nil).Expand()
	if err != nil {
		return fmt.Sprintf("<error expanding template: %s>", err)
	}
	return expanded
}

// values are the checks of what is recorded at t, one for each name; slices are, too,
// where they are not given.
func (w world) values(groups []rulefmt.RuleGroup, t time.Duration, constants, recordsSlices bool) []SampleCheck {
	var checks []SampleCheck
	index := map[string]int{}
	for _, g := range groups {
		for _, r := range g.Rules {
			_, constant := w.constant(r, t)
			if constant && !constants || !constant && !understood(r.Record) || r.Record == slo.SeriesSlice && !recordsSlices {
				continue
			}
			i, there := index[r.Record]
			if !there {
				i = len(checks)
				index[r.Record] = i
				checks = append(checks, SampleCheck{Expr: rounded(r.Record), At: model.Duration(t)})
			}
			if constant {
				v, _ := w.constant(r, t)
				checks[i].Samples = append(checks[i].Samples, sample(r, nil, v))
				continue
			}
			for number, group := range w.groups {
				if v, ok := w.recorded(r, number, t); ok {
					checks[i].Samples = append(checks[i].Samples, sample(r, group, v))
				}
			}
		}
	}
	return checks
}

// rounded is the expression by which a recorded series is compared.
func rounded(record string) string {
	if unit := precision(record); unit > 0 {
		return fmt.Sprintf("round(%s, %g)", record, unit)
	}
	return record
}

func sample(r rulefmt.Rule, group map[string]string, v float64) Sample {
	series := maps.Clone(r.Labels)
	maps.Copy(series, group)
	if precision(r.Record) == 0 {
		series[model.MetricNameLabel] = r.Record // which functions take off
	}
	return Sample{Labels: notation(series), Value: to(v, precision(r.Record))}
}
