// Package alertmanager tests which receiver alerts/alertmanager/alertmanager.yaml gives an
// alert, and when, with Alertmanager's own code.
package alertmanager

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/alertmanager/types"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v2"
)

var alerts = filepath.Join("..", "..", "alerts")

func load(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.LoadFile(filepath.Join(alerts, "alertmanager", "alertmanager.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// route is the one that an alert takes.
func route(t *testing.T, c *config.Config, alert model.LabelSet) dispatch.RouteOpts {
	t.Helper()
	found := dispatch.NewRoute(c.Route, nil).Match(alert)
	if len(found) != 1 {
		t.Fatalf("%d routes take %s, want one", len(found), alert)
	}
	return found[0].RouteOpts
}

func TestSeverityDecidesWhoGetsAnAlert(t *testing.T) {
	tests := map[string]struct {
		alert    model.LabelSet
		receiver string
		again    time.Duration
	}{
		"a page":                         {model.LabelSet{"severity": "page", "slo": "a"}, "pages", 4 * time.Hour},
		"a page that is not of an SLO":   {model.LabelSet{"severity": "page"}, "pages", 4 * time.Hour},
		"a ticket":                       {model.LabelSet{"severity": "ticket"}, "tickets", 24 * time.Hour},
		"the watchdog":                   {model.LabelSet{"alertname": "Watchdog", "severity": "none"}, "watchdog", 5 * time.Minute},
		"a watchdog that is a page":      {model.LabelSet{"alertname": "Watchdog", "severity": "page"}, "pages", 4 * time.Hour},
		"one that is only to be seen":    {model.LabelSet{"severity": "none"}, "none", 4 * time.Hour},
		"one of a severity of others":    {model.LabelSet{"severity": "critical"}, "none", 4 * time.Hour},
		"one without any severity":       {model.LabelSet{"alertname": "A"}, "none", 4 * time.Hour},
		"one whose severity is like one": {model.LabelSet{"severity": "pager"}, "none", 4 * time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := route(t, load(t), tt.alert)
			if got.Receiver != tt.receiver || got.RepeatInterval != tt.again {
				t.Errorf("%s gets it, again after %s; want %s, after %s", got.Receiver, got.RepeatInterval, tt.receiver, tt.again)
			}
			for _, label := range []model.LabelName{"alertname", "service", "severity"} {
				if _, ok := got.GroupBy[label]; !ok || len(got.GroupBy) != 3 {
					t.Errorf("it is grouped by %v, want alertname, service and severity", got.GroupBy)
				}
			}
		})
	}
}

// What is committed is what reaches people: an alert with a severity that no route takes
// would be shown and never sent.
func TestEveryAlertOfTheRepositoryReachesSomebody(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(alerts, "rules", "prometheus", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no rules: %v", err)
	}
	c := load(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rules struct {
			Groups []struct {
				Rules []struct {
					Alert  string
					Labels model.LabelSet
				}
			}
		}
		if err := yaml.Unmarshal(text, &rules); err != nil {
			t.Fatal(err)
		}
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				// The severity none is for the watchdog alone.
				want := map[model.LabelValue]string{"page": "pages", "ticket": "tickets", "none": "watchdog"}[r.Labels["severity"]]
				if r.Alert == "" {
					continue
				}
				alert := r.Labels.Clone()
				alert["alertname"] = model.LabelValue(r.Alert)
				if got := route(t, c, alert).Receiver; got != want {
					t.Errorf("%s: %s of severity %s goes to %s, want %s", filepath.Base(file), r.Alert, r.Labels["severity"], got, want)
				}
			}
		}
	}
}

func TestAPageSilencesTheTicketsOfItsSLO(t *testing.T) {
	page := model.LabelSet{"alertname": "ABudgetBurn", "severity": "page", "slo": "a", "service": "s"}
	tests := map[string]struct {
		firing, other model.LabelSet
		silent        bool
	}{
		"its ticket":                                   {page, model.LabelSet{"severity": "ticket", "slo": "a", "service": "s"}, true},
		"another alert of the SLO, too":                {page, model.LabelSet{"alertname": "ANoData", "severity": "ticket", "slo": "a", "service": "s"}, true},
		"another page of the SLO is heard":             {page, model.LabelSet{"alertname": "ANoData", "severity": "page", "slo": "a", "service": "s"}, false},
		"a ticket of another SLO is heard":             {page, model.LabelSet{"severity": "ticket", "slo": "b", "service": "s"}, false},
		"a ticket of another service is heard":         {page, model.LabelSet{"severity": "ticket", "slo": "a", "service": "z"}, false},
		"a ticket that is not of an SLO is heard":      {page, model.LabelSet{"severity": "ticket", "service": "s"}, false},
		"a page without an SLO silences nothing":       {model.LabelSet{"severity": "page", "service": "s"}, model.LabelSet{"severity": "ticket", "service": "s"}, false},
		"a ticket silences no other ticket of the SLO": {model.LabelSet{"severity": "ticket", "slo": "a", "service": "s"}, model.LabelSet{"alertname": "ANoData", "severity": "ticket", "slo": "a", "service": "s"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			marker := types.NewMarker(prometheus.NewRegistry())
			provider, err := mem.NewAlerts(t.Context(), marker, time.Hour, 0, nil, slog.New(slog.DiscardHandler), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer provider.Close()
			now := time.Now()
			firing := &types.Alert{Alert: model.Alert{Labels: tt.firing, StartsAt: now, EndsAt: now.Add(time.Hour)}, UpdatedAt: now}
			if err := provider.Put(t.Context(), firing); err != nil {
				t.Fatal(err)
			}
			inhibitor := inhibit.NewInhibitor(provider, load(t).InhibitRules, marker, slog.New(slog.DiscardHandler))
			ended := make(chan struct{})
			go func() { defer close(ended); inhibitor.Run() }()
			defer func() { inhibitor.Stop(); <-ended }()
			inhibitor.WaitForLoading()
			if got := inhibitor.Mutes(context.WithoutCancel(t.Context()), tt.other); got != tt.silent {
				t.Errorf("silenced: %t, want %t", got, tt.silent)
			}
		})
	}
}

// Tickets wait in the intervals of one name, which are none until somebody writes them.
func TestTicketsWaitWhenTheyAreSetTo(t *testing.T) {
	c := load(t)
	var weekend []timeinterval.TimeInterval
	if err := yaml.Unmarshal([]byte("[{weekdays: [saturday, sunday]}]"), &weekend); err != nil {
		t.Fatal(err)
	}
	saturday := time.Date(2026, 3, 7, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		severity model.LabelValue
		set      []timeinterval.TimeInterval
		at       time.Time
		waits    bool
	}{
		"a ticket, with none set":           {"ticket", nil, saturday, false},
		"a ticket on a weekend":             {"ticket", weekend, saturday, true},
		"a ticket on the Monday after":      {"ticket", weekend, saturday.AddDate(0, 0, 2), false},
		"a page on a weekend does not wait": {"page", weekend, saturday, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			intervals := map[string][]timeinterval.TimeInterval{}
			for _, i := range c.TimeIntervals {
				if len(i.TimeIntervals) != 0 {
					t.Errorf("%s is set to %v by default", i.Name, i.TimeIntervals)
				}
				intervals[i.Name] = slices.Concat(i.TimeIntervals, tt.set)
			}
			names := route(t, c, model.LabelSet{"severity": tt.severity}).MuteTimeIntervals
			got, _, err := timeinterval.NewIntervener(intervals).Mutes(names, tt.at)
			if err != nil || got != tt.waits {
				t.Errorf("waits: %t, %v; want %t", got, err, tt.waits)
			}
		})
	}
}
