package ramp

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheRatesOfAPlan(t *testing.T) {
	for name, tc := range map[string]struct {
		plan Plan
		want []float64
	}{
		"each is the factor above the one before":   {Plan{Start: 100, Factor: 2, Max: 800}, []float64{100, 200, 400, 800}},
		"the last is the highest that was asked":    {Plan{Start: 100, Factor: 2, Max: 500}, []float64{100, 200, 400, 500}},
		"no step is nearly the last one":            {Plan{Start: 100, Factor: 1.5, Max: 225.1}, []float64{100, 150, 225.1}},
		"rates are whole":                           {Plan{Start: 11, Factor: 1.5, Max: 30}, []float64{11, 17, 25, 30}},
		"slow rates are not, or steps would vanish": {Plan{Start: 1, Factor: 1.25, Max: 1.6}, []float64{1, 1.25, 1.5625, 1.6}},
		"one step is enough":                        {Plan{Start: 100, Factor: 2, Max: 100}, []float64{100}},
	} {
		if got := tc.plan.Rates(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestAPlanThatMakesNoSenseIsRefused(t *testing.T) {
	good := Plan{Start: 100, Factor: 2, Max: 800, Settle: time.Second, Hold: 8 * time.Second}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*Plan)
		want   string
	}{
		"no rate to begin with":          {func(p *Plan) { p.Start = 0 }, "start 0"},
		"a start that is no number":      {func(p *Plan) { p.Start = math.NaN() }, "start NaN"},
		"an end below the start":         {func(p *Plan) { p.Max = 99 }, "max 99"},
		"a factor that raises nothing":   {func(p *Plan) { p.Factor = 1 }, "factor 1"},
		"a factor that is no number":     {func(p *Plan) { p.Factor = math.NaN() }, "factor NaN"},
		"a settling time below zero":     {func(p *Plan) { p.Settle = -1 }, "settle"},
		"a step without time":            {func(p *Plan) { p.Hold = 0 }, "hold 0s"},
		"a step of a day":                {func(p *Plan) { p.Hold = 24 * time.Hour }, "hold 24h"},
		"more steps than anybody awaits": {func(p *Plan) { p.Factor, p.Max = 1.05, 20000 }, "more than 50 steps"},
	} {
		p := good
		tc.change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestAStepIsHeldUntilOneBadEventBreaksNothing(t *testing.T) {
	p := Plan{Hold: 8 * time.Second}
	strict := []SLO{{"a", 0.99}, {"b", 0.999}}
	for name, tc := range map[string]struct {
		seen float64
		want time.Duration
	}{
		"a fast load needs no more":           {1000, 8 * time.Second},
		"a slow one waits for 1,000 events":   {50, 22 * time.Second},
		"nobody knows how many there will be": {0, 8 * time.Second},
	} {
		if got := p.Holds(strict, tc.seen); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
