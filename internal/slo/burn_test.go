package slo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func TestBurnWindowsOfOtherPeriods(t *testing.T) {
	minutes := func(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }
	month := []BurnWindow{
		{PageFast, Page, time.Hour, minutes(5), 0.02, 14.4},
		{PageSlow, Page, 6 * time.Hour, minutes(30), 0.05, 6},
		{TicketFast, Ticket, day, 2 * time.Hour, 0.1, 3},
		{TicketSlow, Ticket, 3 * day, 6 * time.Hour, 0.1, 1},
	}
	for _, tt := range []struct {
		name      string
		period    time.Duration
		objective float64
		want      []BurnWindow
	}{
		{"thirty days are the workbook's", 30 * day, 0.999, month},
		{"and so they are at 94.5%", 30 * day, 0.945, month},
		{"a week shrinks the windows and no burn rate", 7 * day, 0.999, []BurnWindow{
			{PageFast, Page, minutes(24), minutes(2), 14.4 * 24 / (7 * 1440), 14.4},
			{PageSlow, Page, minutes(84), minutes(7), 6.0 * 84 / (7 * 1440), 6},
			{TicketFast, Ticket, minutes(336), minutes(28), 0.1, 3},
			{TicketSlow, Ticket, minutes(1008), minutes(84), 0.1, 1},
		}},
		{"a year is paged as a month", year, 0.999, []BurnWindow{
			{PageFast, Page, time.Hour, minutes(5), 14.4 / 8760, 14.4},
			{PageSlow, Page, 6 * time.Hour, minutes(30), 36.0 / 8760, 6},
			{TicketFast, Ticket, day, 2 * time.Hour, 72.0 / 8760, 3},
			{TicketSlow, Ticket, 3 * day, 6 * time.Hour, 72.0 / 8760, 1},
		}},
		{"a day has no window for the fast page beside the slow one", day, 0.999, []BurnWindow{
			{PageSlow, Page, minutes(24), minutes(2), 6.0 * 24 / 1440, 6},
			{TicketFast, Ticket, minutes(48), minutes(4), 0.1, 3},
			{TicketSlow, Ticket, minutes(144), minutes(12), 0.1, 1},
		}},
		{"a low objective lowers the rates that it cannot reach", 30 * day, 0.8, []BurnWindow{
			{PageFast, Page, time.Hour, minutes(5), 4.0 / 720, 4},
			{PageSlow, Page, 6 * time.Hour, minutes(30), 24.0 / 720, 4},
			{TicketFast, Ticket, day, 2 * time.Hour, 0.1, 3},
			{TicketSlow, Ticket, 3 * day, 6 * time.Hour, 0.1, 1},
		}},
	} {
		if diff := cmp.Diff(tt.want, BurnWindows(tt.period, tt.objective), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Every hour from a day to a year, at objectives from one nine to four.
func TestBurnWindowsOfEveryPeriodAndObjective(t *testing.T) {
	objectives := []float64{0.9, 0.92, 0.94, 0.945, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999}
	for period := day; period <= year; period += time.Hour {
		for _, objective := range objectives {
			ws := BurnWindows(period, objective)
			for i, w := range ws {
				switch {
				case w.Rate < 1:
					t.Fatalf("%s at %v: %s fires at %v times the sustainable rate", period, objective, w.Tier, w.Rate)
				case w.Threshold(objective) >= 1:
					t.Fatalf("%s at %v: %s cannot be reached: %v", period, objective, w.Tier, w.Threshold(objective))
				case w.Short < leastShort || w.Short%time.Minute != 0 || w.Long != 12*w.Short || w.Long >= period:
					t.Fatalf("%s at %v: %s has windows %s and %s", period, objective, w.Tier, w.Long, w.Short)
				case i > 0 && (w.Long <= ws[i-1].Long || w.Rate > ws[i-1].Rate):
					t.Fatalf("%s at %v: %s is no slower than %s", period, objective, w.Tier, ws[i-1].Tier)
				}
			}
			for _, burn := range []float64{0.5, 1} {
				if at, fires := first(ws, burn, objective); fires {
					t.Fatalf("%s at %v: a burn at %v times the sustainable rate is reported after %s", period, objective, burn, at)
				}
			}
			for burn := 1.02; burn*(1-objective) <= 1; burn *= 1.3 {
				at, fires := first(ws, burn, objective)
				if !fires {
					t.Fatalf("%s at %v: a burn at %v times the sustainable rate is never reported", period, objective, burn)
				}
				if spent := Spend(burn*(1-objective)*at.Seconds(), objective, 1, period); spent >= 0.11 {
					t.Fatalf("%s at %v: a burn at %v times the sustainable rate is reported when %v of the budget is spent", period, objective, burn, spent)
				}
			}
		}
	}
}

// first is when the first tier finds a burn at so many times the sustainable rate.
func first(ws []BurnWindow, burn, objective float64) (at time.Duration, fires bool) {
	for _, w := range ws {
		if d, ok := w.Detection(clean(burn*(1-objective)), objective); ok && (!fires || d < at) {
			at, fires = d, true
		}
	}
	return at, fires
}

func TestAnyObjectiveCanBeReached(t *testing.T) {
	for _, objective := range []float64{0.0001, 0.1, 0.2, 0.5, 0.79, 0.9, 0.999999} {
		for _, w := range BurnWindows(month, objective) {
			if _, fires := w.Detection(1, objective); !fires || w.Rate < 1 {
				t.Errorf("%s at an objective of %v: rate %v, fires in an outage: %v", w.Tier, objective, w.Rate, fires)
			}
		}
	}
}

func TestDetection(t *testing.T) {
	ws := BurnWindows(month, 0.999)
	for _, tt := range []struct {
		name   string
		window BurnWindow
		errors float64
		want   time.Duration
		fires  bool
	}{
		{"a total outage", ws[0], 1, 51840 * time.Millisecond, true},
		{"every tenth request", ws[0], 0.1, 518400 * time.Millisecond, true},
		{"the threshold itself does not exceed it", ws[0], 0.0144, 0, false},
		{"below the threshold", ws[0], 0.01, 0, false},
		{"a total outage for the slowest tier", ws[3], 1, 259200 * time.Millisecond, true},
		{"no errors", ws[3], 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, fires := tt.window.Detection(tt.errors, 0.999)
			if fires != tt.fires || (got-tt.want).Abs() > time.Millisecond {
				t.Errorf("got %s, %v; want %s, %v", got, fires, tt.want, tt.fires)
			}
		})
	}
}
