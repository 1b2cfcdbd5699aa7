package rules

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

func TestIntervalsOfACheckout(t *testing.T) {
	for _, tt := range []struct {
		name, values, application, alertmanager string
		environment                             string
		want                                    Intervals
		missing                                 bool
	}{
		{name: "a checkout without any", missing: true},
		{
			name: "the chart and Alertmanager", values: "prometheus: {scrapeInterval: 15s, evaluationInterval: 1m}\n", alertmanager: "route: {group_wait: 30s}\n",
			want: Intervals{15 * time.Second, time.Minute, 30 * time.Second},
		},
		{name: "Alertmanager without the chart", alertmanager: "route: {group_wait: 30s}\n", want: Intervals{GroupWait: 30 * time.Second}, missing: true},
		{
			name: "an environment that changes one of them", values: "prometheus: {scrapeInterval: 15s, evaluationInterval: 1m}\n", environment: "dev",
			application: "spec: {source: {helm: {valuesObject: {prometheus: {scrapeInterval: 5s}}}}}\n",
			want:        Intervals{Scrape: 5 * time.Second, Evaluation: time.Minute},
		},
		{
			name: "an environment that does not exist", values: "prometheus: {scrapeInterval: 15s}\n", environment: "dev",
			want: Intervals{Scrape: 15 * time.Second}, missing: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for file, content := range map[string]string{
				chartFile(root): tt.values, environmentFile(root, "dev"): tt.application, filepath.Join(root, "alerts", "alertmanager", "alertmanager.yaml"): tt.alertmanager,
			} {
				if content != "" {
					write(t, file, content)
				}
			}
			got, err := IntervalsOf(root, tt.environment)
			if got != tt.want || errors.Is(err, fs.ErrNotExist) != tt.missing || err != nil && !tt.missing {
				t.Errorf("got %+v, %v; want %+v, missing %t", got, err, tt.want, tt.missing)
			}
		})
	}
}

func TestIntervalsThatAreNoDurationAreAnError(t *testing.T) {
	root := t.TempDir()
	write(t, chartFile(root), "prometheus: {scrapeInterval: soon}\n")
	if got, err := IntervalsOf(root, ""); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// clock is a Prometheus that scrapes and evaluates as it says.
type clock struct {
	scrapes map[string]time.Duration // by selector
	groups  []prom.RuleGroup
	err     error // of Rules
}

func (c clock) Interval(_ context.Context, selector string) (time.Duration, error) {
	if d, ok := c.scrapes[selector]; ok {
		return d, nil
	}
	return 0, prom.ErrNoData
}

func (c clock) Rules(context.Context) ([]prom.RuleGroup, error) { return c.groups, c.err }

func TestIntervalsOfAServer(t *testing.T) {
	set, err := slo.NewSet(slo.SLO{Name: "a", Total: "a_total"}, slo.SLO{Name: "b", Total: "b_total"})
	if err != nil {
		t.Fatal(err)
	}
	scrapes := map[string]time.Duration{
		"a_total": 5 * time.Second, "b_total": 30 * time.Second,
		`ballast_slo:evaluated:timestamp{rule_group="slo-a"}`: time.Minute, `ballast_slo:evaluated:timestamp{rule_group="slo-b"}`: 20 * time.Second,
	}
	groups := []prom.RuleGroup{{Name: "slo-a", Interval: 15 * time.Second}, {Name: "slo-b", Interval: 10 * time.Second}, {Name: "slo-b-long", Interval: time.Hour}}
	for _, tt := range []struct {
		name   string
		server clock
		want   Intervals
		err    error
	}{
		{"the slowest of them count", clock{scrapes: scrapes, groups: groups}, Intervals{Scrape: 30 * time.Second, Evaluation: 15 * time.Second}, nil},
		{"without a rules API the heartbeats tell", clock{scrapes: scrapes, err: prom.ErrNoRulesAPI}, Intervals{Scrape: 30 * time.Second, Evaluation: time.Minute}, nil},
		{"events that are not scraped", clock{groups: groups}, Intervals{}, prom.ErrNoData},
		{"a server that is out of reach", clock{scrapes: scrapes, err: prom.ErrUnreachable}, Intervals{}, prom.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := IntervalsIn(t.Context(), tt.server, set)
			if !errors.Is(err, tt.err) || err == nil && got != tt.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}
