package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// generated are the dashboards of the repository's SLOs.
func generated(t *testing.T) []lint.Dashboard {
	t.Helper()
	var all []lint.Dashboard
	files := committed(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		d, err := lint.Parse(files[name])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// constants are panels that show the same whatever happens, and why they are there.
func constants() map[string]string {
	return map[string]string{
		"SLO detail: Objective":                  "it is what was promised",
		"SLO detail: Of the period known":        "it grows with the age of Prometheus and not with errors",
		"SLO overview: SLOs not evaluated":       "both worlds evaluate their rules; TestTheStatesOfAnSLOLookDifferent has one that does not",
		"SLO overview: SLOs without data":        "both worlds count events; TestTheStatesOfAnSLOLookDifferent has one that does not",
		"SLO overview: Idle SLOs":                "both worlds have requests; TestTheStatesOfAnSLOLookDifferent has one that has none",
		"SLO detail: Age of the last evaluation": "both worlds evaluate their rules",
		"Platform: Age of the last evaluation":   "both worlds evaluate their rules",
		"Platform: Watchdog":                     "it fires while rules are evaluated, as in both worlds",
	}
}

func TestEveryPanelShowsTheTrouble(t *testing.T) {
	boards := generated(t)
	var seen []answers
	for _, w := range []world{worldHealthy, worldBroken} {
		ask(t, w, programs(), boards, func(_ *testing.T, _ *prom.Client, got answers) { seen = append(seen, got) })
	}
	if len(seen) != 2 {
		t.Fatal("a world was not seen")
	}
	exempt := constants()
	for panel, good := range seen[0] {
		bad := seen[1][panel]
		for i := range good {
			if good[i] == "" && bad[i] == "" {
				t.Errorf("%s: query %s stays empty", panel, refID(i))
			}
		}
		same := slices.Equal(good, bad)
		if _, ok := exempt[panel]; ok != same {
			t.Errorf("%s: shows the same for both worlds: %v; the list of constants says %v\n%.2000s", panel, same, ok, good)
		}
	}
	for panel := range exempt {
		if _, ok := seen[0][panel]; !ok {
			t.Errorf("%s is a constant and no panel", panel)
		}
	}
	if most := len(seen[0]) / 10; len(exempt) > most {
		t.Errorf("%d constants among %d panels, at most %d", len(exempt), len(seen[0]), most)
	}
}

func TestTheStatesOfAnSLOLookDifferent(t *testing.T) {
	all := generated(t)
	at := slices.IndexFunc(all, func(d lint.Dashboard) bool { return d.UID == uidOverview })
	if at < 0 {
		t.Fatal("there is no overview")
	}
	overview := all[at]
	state := func(ctx context.Context, c *prom.Client, at time.Time) (string, error) {
		for _, p := range overview.Panels {
			if p.Title == "SLOs" {
				return reader{c, overview, at}.answer(ctx, p, p.Targets[0], map[string]string{"service": ".*"})
			}
		}
		return "", errors.New("there is no table of SLOs")
	}
	want := func(n int) string {
		return fmt.Sprintf("service=monitor slo=monitor-availability  %d\nservice=monitor slo=monitor-latency  %d\n", n, n)
	}
	for w, n := range map[world]int{worldHealthy: stateHealthy, worldBroken: statePage, worldIdle: stateIdle, worldDark: stateNoData} {
		ask(t, w, programs()[1:2], nil, func(t *testing.T, c *prom.Client, _ answers) {
			got, err := state(t.Context(), c, time.Now())
			if err != nil || got != want(n) {
				t.Errorf("%s: %q, %v; want %q", w, got, err, want(n))
			}
			if w != worldHealthy {
				return
			}
			// Nothing was recorded since: the rules are not evaluated.
			got, err = state(t.Context(), c, time.Now().Add(20*time.Minute))
			if err != nil || got != want(stateBlind) {
				t.Errorf("without evaluations: %q, %v; want %q", got, err, want(stateBlind))
			}
		})
	}
}
