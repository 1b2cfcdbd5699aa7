package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// The published expositions of the platform's programs were recorded in a sandbox that was
// well; that of the repositories is what their own program says in its test. The dashboard
// has to say so, with the very values that were recorded.
func TestThePlatformThatWasRecordedIsShownAsWell(t *testing.T) {
	boards, recorded := platformRecorded(t)
	empty := map[string]string{
		"Platform: Alerts: Alerts that fire":          "nothing was wrong",
		"Platform: Applications: How long syncs take": "nothing was synced since the recording",
	}
	ask(t, worldRecorded, recorded, boards, func(t *testing.T, _ *prom.Client, got answers) {
		if len(got) == 0 {
			t.Error("there are no panels")
		}
		for panel, p := range got {
			for i, text := range p.texts {
				if text == "" && empty[panel] == "" {
					t.Errorf("%s %s is empty", panel, refID(i))
				}
			}
			for column, colour := range p.colours {
				if !calm(colour) {
					t.Errorf("%s%s is %s", panel, column, colour)
				}
			}
		}
		for panel := range empty {
			if got[panel] == nil {
				t.Errorf("%s may be empty and is not a panel", panel)
			}
		}
	})
}

// platformRecorded is the dashboard of the platform, and the programs that it reads.
func platformRecorded(t *testing.T) ([]lint.Dashboard, []program) {
	t.Helper()
	return slices.DeleteFunc(generated(t), func(d lint.Dashboard) bool { return d.UID != uidPlatform }),
		slices.DeleteFunc(programs(), func(p program) bool {
			return !slices.Contains([]string{"argocd", "prometheus", "alertmanager", "otel-collector", "victorialogs", "git"}, p.file)
		})
}

// unbroken are panels that show nothing of what was broken for the recordings, and why.
func unbroken() map[string]string {
	const (
		pushes  = "a program of this repository measures it: TestTheDashboardShowsWhatTheBuilderMeasures has its trouble"
		scraped = "everything was scraped; TestEveryPanelShowsTheTrouble has targets that are down"
	)
	return map[string]string{
		"Platform: Applications: Drift that was healed":            "a program of this repository counts it, with an Argo CD of its test",
		"Platform: From push to serving: From push to serving":     pushes,
		"Platform: From push to serving: Half serve within":        pushes,
		"Platform: From push to serving: Nine of ten serve within": pushes,
		"Platform: From push to serving: Pushes":                   pushes,
		"Platform: From push to serving: Pushes that do not serve": pushes,
		"Platform: From push to serving: Waiting":                  pushes,
		"Platform: Now: Targets down":                              scraped,
		"Platform: Scrapes: Targets":                               scraped,
		"Platform: Now: Configurations refused":                    "the operator checks configurations before it hands them on",
		"Platform: Alerts on their way: Alertmanagers":             "Alertmanager was found, and could not be reached",
		"Platform: Now: Watchdog":                                  "it is constant: Prometheus evaluated its other rules",
		"Platform: Rules: Age of the last evaluation":              "it is constant: Prometheus evaluated its other rules",
	}
}

// What the programs exported while parts of a sandbox were broken has to be seen on the
// dashboard: other values in each panel, and the colours of trouble where a panel has such.
func TestTheBrokenPlatformThatWasRecordedIsShownSo(t *testing.T) {
	boards, recorded := platformRecorded(t)
	var seen []answers
	fired := map[world][]string{}
	for _, w := range []world{worldRecorded, worldRecordedBroken} {
		ask(t, w, recorded, boards, func(t *testing.T, c *prom.Client, got answers) {
			seen = append(seen, got)
			now := time.Now()
			firing, err := c.Range(t.Context(), `count by (alertname) (ALERTS{alertstate="firing"})`, prom.Window{Start: now, End: now, Step: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range firing {
				fired[w] = append(fired[w], s.Labels["alertname"])
			}
			slices.Sort(fired[w])
		})
	}
	if len(seen) != 2 || len(seen[0]) == 0 {
		t.Fatal("a world was not seen")
	}
	// The monitor and the probe are in neither world, and its SLOs say so in both.
	absent := []string{"MonitorAllReplicasDown", "MonitorAvailabilityNoData", "MonitorLatencyNoData"}
	want := map[world][]string{
		worldRecorded: slices.Concat(absent, []string{"Watchdog"}),
		worldRecordedBroken: slices.Concat([]string{"AlertmanagerNotificationsFailing", "ArgoCDApplicationOutOfSync", "ArgoCDSyncFailing", "LogsRefused"},
			absent, []string{"PrometheusRulesFailing", "Watchdog"}),
	}
	if d := cmp.Diff(want, fired); d != "" {
		t.Errorf("alerts that fire (-want +got):\n%s", d)
	}
	for panel, good := range seen[0] {
		bad, exempt := seen[1][panel], unbroken()[panel] != ""
		if same := slices.Equal(good.texts, bad.texts); same != exempt {
			t.Errorf("%s shows the same: %v; the list says %v\n%.500v", panel, same, exempt, bad.texts)
		}
		alarm := len(bad.colours) == 0
		for _, colour := range bad.colours {
			alarm = alarm || !calm(colour)
		}
		if !alarm && !exempt {
			t.Errorf("%s has no colour of trouble: %v", panel, bad.colours)
		}
	}
	for panel := range unbroken() {
		if seen[0][panel] == nil {
			t.Errorf("%s is in the list and no panel", panel)
		}
	}
}

// recordedTrouble is the course from the healthy recordings to those of docs/metrics/broken,
// for the programs that have one. A counter grows to what was recorded, from 0 where it was
// higher before: its program was another one.
func recordedTrouble(t *testing.T, programs []program, start time.Time) []prom.Series {
	t.Helper()
	var all []prom.Series
	for _, p := range programs {
		was := named(exposition(t, p.file))
		is := was
		if _, err := os.Stat(filepath.Join("..", "docs", "metrics", "broken", p.file+".prom")); !errors.Is(err, fs.ErrNotExist) {
			is = named(exposition(t, filepath.Join("broken", p.file)))
		}
		for _, target := range p.labels {
			up := exposed{labels: map[string]string{"__name__": "up"}, value: 1}
			all = append(all, recordedCourse(&up, &up, target, start))
			for _, name := range slices.Sorted(maps.Keys(merged(was, is))) {
				before, after := was[name], is[name]
				all = append(all, recordedCourse(before, after, target, start))
			}
		}
	}
	return all
}

// named are the series of an exposition by their names and labels.
func named(all []exposed) map[string]*exposed {
	out := map[string]*exposed{}
	for _, e := range all {
		out[fmt.Sprint(e.labels)] = &e
	}
	return out
}

// recordedCourse is one series that was recorded before the trouble, in it, or both: nil where
// it was not.
func recordedCourse(before, after *exposed, target map[string]string, start time.Time) prom.Series {
	trouble, end := start.Add(healthy), start.Add(watched)
	known := before
	if known == nil {
		known = after
	}
	s := prom.Series{Labels: merged(known.labels, target)}
	for at := start; at.Before(end); at = at.Add(interval) {
		switch {
		case at.Before(trouble) && before != nil:
			s.Points = append(s.Points, prom.Sample{T: at, V: before.value})
		case at.Before(trouble) || after == nil:
		case after.counter:
			from := 0.0
			if before != nil && before.value <= after.value {
				from = before.value
			}
			share := at.Sub(trouble).Seconds() / end.Sub(trouble).Seconds()
			s.Points = append(s.Points, prom.Sample{T: at, V: from + share*(after.value-from)})
		default:
			s.Points = append(s.Points, prom.Sample{T: at, V: after.value})
		}
	}
	return s
}
