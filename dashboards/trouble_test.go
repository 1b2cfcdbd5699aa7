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
		"SLO detail: Now: Objective":                          "it is what was promised",
		"SLO detail: Now: Of the period known":                "it grows with the age of Prometheus and not with errors",
		"SLO detail: Measurement: Of the period known":        "it grows with the age of Prometheus and not with errors",
		"SLO overview: Now: SLOs not evaluated":               "both worlds evaluate their rules; TestTheStatesOfAnSLOLookDifferent has one that does not",
		"SLO overview: Now: SLOs without data":                "both worlds count events; TestTheStatesOfAnSLOLookDifferent has one that does not",
		"SLO overview: Now: Idle SLOs":                        "both worlds have requests; TestTheStatesOfAnSLOLookDifferent has one that has none",
		"SLO detail: Measurement: Age of the last evaluation": "both worlds evaluate their rules",
		"Platform: Rules: Age of the last evaluation":         "both worlds evaluate their rules",
		"Platform: Now: Watchdog":                             "it fires while rules are evaluated, as in both worlds",
	}
}

// limits are queries that show the same whatever happens, in panels that do not.
func limits() map[string]string {
	return map[string]string{
		"SLO overview: SLOs, worst budget first: SLOs C":                        "it grows with the age of Prometheus and not with errors",
		"SLO overview: SLOs, worst budget first: SLOs H":                        "the objective is what was promised",
		"SLO detail: What clients had: Good events B":                           "the objective is what was promised",
		"SLO detail: Burn rate, each window against its own threshold: $tier C": "the threshold is the rule's",
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
		for i, text := range good.texts {
			name := panel + " " + refID(i)
			if text == "" && bad.texts[i] == "" {
				t.Errorf("%s stays empty", name)
			}
			same, constant := text == bad.texts[i], exempt[panel] != "" || limits()[name] != ""
			if same != constant {
				t.Errorf("%s: shows the same for both worlds: %v; the lists say %v\n%.2000s", name, same, constant, text)
			}
		}
		readable(t, panel, good, bad)
		alarming(t, panel, good, bad)
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

// unnarrowed are panels that show what the reader did not choose, and why.
func unnarrowed() map[string]string {
	return map[string]string{
		"Platform: Alerts: Alerts that fire":   "an alert that fires is shown whatever is chosen",
		"SLO detail: Alerts: Alerts that fire": "the tier chooses whose windows are drawn, and not which alerts",
		"SLO detail: Alerts: Alerts":           "the tier chooses whose windows are drawn, and not which alerts",
	}
}

// readable fails a panel whose lines cannot be told apart, and one that is named by, or
// shows, what it should not.
func readable(t *testing.T, panel string, good, bad *picture) {
	t.Helper()
	for _, p := range []*picture{good, bad} {
		for _, odd := range slices.Sorted(maps.Keys(p.odd)) {
			t.Errorf("%s: %s", panel, odd)
		}
	}
	unchosen := slices.Sorted(maps.Keys(merged(good.unchosen, bad.unchosen)))
	if _, ok := unnarrowed()[panel]; ok != (len(unchosen) > 0) {
		t.Errorf("%s: the list of what is not narrowed down says %v: %.200v", panel, ok, unchosen)
	}
	for _, label := range good.missing() {
		if slices.Contains(bad.missing(), label) {
			t.Errorf("%s: no answer has the label %q, which values or columns are named by", panel, label)
		}
	}
}

// calmThroughout are the columns, and panels other than the constants, that have no colour
// for what is bad in the broken world.
func calmThroughout() map[string]string {
	return map[string]string{
		"Chaos: Now: Passed":                             "passing is good, and more of it better",
		"SLO overview: SLOs, worst budget first: SLOs C": "it grows with the age of Prometheus and not with errors",
	}
}

// alarming fails a panel that has the colours of trouble in the healthy world, or not in the
// broken one.
func alarming(t *testing.T, panel string, good, bad *picture) {
	t.Helper()
	for column := range maps.Keys(merged(good.colours, bad.colours)) {
		name := panel + column
		if colour := good.colours[column]; !calm(colour) {
			t.Errorf("%s: %s in the healthy world", name, colour)
		}
		exempt := calmThroughout()[name] != "" || constants()[name] != ""
		if colour := bad.colours[column]; calm(colour) != exempt {
			t.Errorf("%s: %q in the broken world; the lists say that it is calm: %v", name, colour, exempt)
		}
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
				series, err := reader{c, overview, at}.answer(ctx, p.Targets[0], map[string]string{"service": ".*"})
				return text(series), err
			}
		}
		return "", errors.New("there is no table of SLOs")
	}
	want := func(n int) string {
		return fmt.Sprintf("service=monitor slo=monitor-availability team=sre  %d\nservice=monitor slo=monitor-latency team=sre  %d\n", n, n)
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
