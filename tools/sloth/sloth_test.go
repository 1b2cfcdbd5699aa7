// Package sloth compares the rules of the committed SLOs with those that Sloth makes of the
// same SLOs: on the same series, alerts of the same severity fire at the same time.
package sloth

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	sloth "github.com/slok/sloth/pkg/lib"
	slothv1 "github.com/slok/sloth/pkg/prometheus/api/v1"
	"go.yaml.in/yaml/v3"
)

const (
	step    = time.Minute
	healthy = 4380 * step // before anything happens
	// tolerance is how much later or sooner than Sloth's an alert may fire: our groups of
	// long windows are evaluated every two minutes, and need one evaluation more.
	tolerance = 4 * step

	success = `probe_requests_total{job="probe",probe="monitor",outcome="success"}`
	failed  = `probe_requests_total{job="probe",probe="monitor",outcome="error"}`
	total   = `probe_requests_total{job="probe",probe="monitor"}`
)

var update = flag.Bool("update", false, "write the list of the series that Sloth records")

type timeline struct {
	Name    string `yaml:"name"`
	Success string `yaml:"success"`
	Error   string `yaml:"error"`
}

// end is when the series of the timeline have their last sample.
func (l timeline) end() time.Duration {
	samples := 0
	for _, part := range strings.Fields(l.Success) {
		var n int
		if _, err := fmt.Sscanf(part[strings.LastIndex(part, "x"):], "x%d", &n); err != nil {
			return 0
		}
		samples += n + 1
	}
	return time.Duration(samples-1) * step
}

func timelines(t *testing.T) (all []timeline) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "timelines.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &all)
	}
	if err != nil || len(all) == 0 {
		t.Fatalf("no timelines: %v", err)
	}
	return all
}

// theirs writes the rules that Sloth makes of the SLO monitor-availability.
func theirs(t *testing.T) (file string) {
	t.Helper()
	generator, err := sloth.NewPrometheusSLOGenerator(sloth.PrometheusSLOGeneratorConfig{})
	if err != nil {
		t.Fatal(err)
	}
	spec := slothv1.Spec{Service: "monitor", SLOs: []slothv1.SLO{{
		Name: "availability", Objective: 99.9,
		SLI: slothv1.SLI{Events: &slothv1.SLIEvents{
			ErrorQuery: "sum(rate(" + failed + "[{{.window}}]))",
			TotalQuery: "sum(rate(" + total + "[{{.window}}]))",
		}},
		Alerting: slothv1.Alerting{
			Name:        "Theirs",
			PageAlert:   slothv1.Alert{Labels: map[string]string{"severity": "page"}},
			TicketAlert: slothv1.Alert{Labels: map[string]string{"severity": "ticket"}},
		},
	}}}
	made, err := generator.GenerateFromSlothV1(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := generator.WriteResultAsPrometheusStd(t.Context(), *made, &text); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "sloth.yaml")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// fired runs rules over a timeline, in virtual time, and returns when an alert of each
// severity fired first, counted from the end of the healthy history.
func fired(t *testing.T, l timeline, file, alert string) map[string]time.Duration {
	t.Helper()
	storage := promqltest.LoadedStorage(t, fmt.Sprintf("load 1m\n  %s %s\n  %s %s\n", success, l.Success, failed, l.Error))
	t.Cleanup(func() { _ = storage.Close() }) // a test's own directory
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 50e6, Timeout: time.Hour})
	manager := rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation,
		ExternalURL:          &url.URL{},
		QueryFunc:            rules.EngineQueryFunc(engine, storage),
		NotifyFunc:           func(context.Context, string, ...*rules.Alert) {},
		Context:              t.Context(),
		Appendable:           storage,
		Queryable:            storage,
		Logger:               slog.New(slog.DiscardHandler),
	})
	loaded, errs := manager.LoadGroups(step, labels.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	names := make([]string, 0, len(loaded))
	for name := range loaded {
		names = append(names, name)
	}
	slices.Sort(names)
	first := map[string]time.Duration{}
	// An hour before, so that what looks at earlier alerts finds none.
	for at := healthy - time.Hour; at <= l.end(); at += step {
		now := time.Unix(0, 0).Add(at)
		for _, name := range names {
			g := loaded[name]
			if at%g.Interval() != 0 {
				continue
			}
			g.Eval(t.Context(), now)
			for _, r := range g.AlertingRules() {
				if r.LastError() != nil {
					t.Fatalf("%s: %v", r.Name(), r.LastError())
				}
				severity := r.Labels().Get("severity")
				if _, known := first[severity]; known || r.Name() != alert || r.State() != rules.StateFiring {
					continue
				}
				first[severity] = at - healthy
			}
		}
	}
	return first
}

func TestTheSameSeverityFiresAsWithSloth(t *testing.T) {
	reference := theirs(t)
	severities := map[string]int{}
	for _, l := range timelines(t) {
		t.Run(l.Name, func(t *testing.T) {
			ours := fired(t, l, filepath.Join("..", "..", "alerts", "rules", "prometheus", "slo-monitor-availability.yaml"), "MonitorAvailabilityBudgetBurn")
			want := fired(t, l, reference, "Theirs")
			for _, severity := range []string{"page", "ticket"} {
				is, fires := ours[severity]
				should, expected := want[severity]
				switch {
				case fires != expected:
					t.Errorf("%s: ours fires %t (%s), Sloth's %t (%s)", severity, fires, is, expected, should)
				case fires && (is-should).Abs() > tolerance:
					t.Errorf("%s: ours fires after %s, Sloth's after %s", severity, is, should)
				case fires:
					severities[severity]++
					t.Logf("%s: ours after %s, Sloth's after %s", severity, is, should)
				default:
					severities["none"]++
				}
			}
		})
	}
	for _, severity := range []string{"page", "ticket", "none"} {
		if severities[severity] < 3 {
			t.Errorf("only %d timelines end with severity %s; the comparison would see little", severities[severity], severity)
		}
	}
}

// The tests of internal/rules compare the names of our series with this list.
func TestTheListOfWhatSlothRecordsIsCurrent(t *testing.T) {
	text, err := os.ReadFile(theirs(t))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Record string `yaml:"record"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				names = append(names, r.Record)
			}
		}
	}
	slices.Sort(names)
	got := strings.Join(slices.Compact(names), "\n") + "\n"
	list := filepath.Join("testdata", "recorded.txt")
	if *update {
		if err := os.WriteFile(list, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(list); err != nil || string(want) != got {
		t.Errorf("%s is not what Sloth records (%v); go test -run Current -update writes it:\n%s", list, err, got)
	}
}
