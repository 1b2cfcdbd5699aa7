package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// stage is a run with a fault, whose alerts a test gives.
type stage struct{ result.Run }

// faulty is a run whose fault began a minute before its end.
func faulty(id string, minutes int) *stage {
	s := &stage{run(id, id, result.Pass, minutes, nil)}
	s.T0 = &s.Started
	return s
}

func named(alert, tier string) result.AlertMatch {
	m := result.AlertMatch{"alertname": alert}
	if tier != "" {
		m["tier"] = tier
	}
	return m
}

func labels(tier string) map[string]string {
	if tier == "" {
		return nil
	}
	return map[string]string{"tier": tier}
}

// expects has an expectation that was judged so.
func (s *stage) expects(alert, tier string, o result.Outcome) *stage {
	s.Spec.Expect = append(s.Spec.Expect, result.ExpectedAlert{Name: alert, Match: named(alert, tier)})
	s.Asserts = append(s.Asserts, result.Assertion{Kind: result.AssertExpect, Name: alert, Outcome: o})
	return s
}

// forbids has alerts of a severity forbidden, of which these rules were wanted.
func (s *stage) forbids(severity string, rules ...result.RuleID) *stage {
	s.Spec.Forbid = append(s.Spec.Forbid, result.AlertMatch{"severity": severity})
	s.Evidence.Before.Rules = &result.Rules{Wanted: rules}
	return s
}

// fires has an alert series fire some seconds after the fault.
func (s *stage) fires(alert, tier string, after float64, due ...float64) *stage {
	at := s.T0.Add(time.Duration(after * float64(time.Second)))
	a := result.Alert{Name: alert, Labels: labels(tier), Measured: seconds(after), Firing: []result.Span{{Start: at, End: s.Ended}}}
	if len(due) > 0 {
		a.PredictedMin = seconds(due[0])
	}
	if len(due) > 1 {
		a.PredictedMax = seconds(due[1])
	}
	s.Alerts = append(s.Alerts, a)
	return s
}

func TestTheMatrixOfAlerts(t *testing.T) {
	page := func(alert string) result.RuleID {
		return result.RuleID{Alert: alert, Labels: map[string]string{"severity": "page"}}
	}
	for name, tt := range map[string]struct {
		runs []*stage
		want []ledger.Row
	}{
		"an alert that fires when it has to": {
			[]*stage{faulty("1", 1).expects("A", "", result.Held).fires("A", "", 4, 3, 6), faulty("2", 2).expects("A", "", result.Held).fires("A", "", 5, 2, 5)},
			[]ledger.Row{{Alert: "A", Target: "local", Expected: 2, Detected: 2, Fired: 2, Predicted: &ledger.Due{Earliest: 2, Latest: seconds(6)}, Measured: &ledger.Spread{Least: 4, Median: 4.5, Most: 5}}},
		},
		"an alert that comes too late was detected all the same": {
			[]*stage{faulty("1", 1).expects("A", "", result.Broken).fires("A", "", 40)},
			[]ledger.Row{{Alert: "A", Target: "local", Expected: 1, Detected: 1, Fired: 1, Measured: &ledger.Spread{Least: 40, Median: 40, Most: 40}}},
		},
		"an alert that does not fire": {
			[]*stage{faulty("1", 1).expects("A", "", result.Broken)},
			[]ledger.Row{{Alert: "A", Target: "local", Expected: 1}},
		},
		"an alert of which the run cannot tell": {[]*stage{faulty("1", 1).expects("A", "", result.Unknown)}, []ledger.Row{}},
		"an alert that fires though nobody expects it": {
			[]*stage{faulty("1", 1).expects("A", "", result.Held).fires("A", "", 4), faulty("2", 2).fires("A", "", 7)},
			[]ledger.Row{{Alert: "A", Target: "local", Expected: 1, Detected: 1, Fired: 2, Measured: &ledger.Spread{Least: 4, Median: 4, Most: 4}}},
		},
		"each tier is a row": {
			[]*stage{faulty("1", 1).expects("B", "slow", result.Broken).expects("B", "fast", result.Held).fires("B", "fast", 2, 1)},
			[]ledger.Row{
				{Alert: "B", Tier: "fast", Target: "local", Expected: 1, Detected: 1, Fired: 1, Predicted: &ledger.Due{Earliest: 1}, Measured: &ledger.Spread{Least: 2, Median: 2, Most: 2}},
				{Alert: "B", Tier: "slow", Target: "local", Expected: 1},
			},
		},
		"two replicas are one firing, and the first tells the time": {
			[]*stage{faulty("1", 1).expects("A", "", result.Held).fires("A", "", 6).fires("A", "", 4)},
			[]ledger.Row{{Alert: "A", Target: "local", Expected: 1, Detected: 1, Fired: 1, Measured: &ledger.Spread{Least: 4, Median: 4, Most: 4}}},
		},
		"forbidden alerts": {
			[]*stage{faulty("1", 1).forbids("page", page("P"), page("Q"), result.RuleID{Alert: "T"}), faulty("2", 2).forbids("page", page("P")).fires("T", "", 3)},
			[]ledger.Row{
				{Alert: "P", Target: "local", Forbidden: 2}, {Alert: "Q", Target: "local", Forbidden: 1}, {Alert: "T", Target: "local", Fired: 1},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var runs []result.Run
			for _, s := range tt.runs {
				runs = append(runs, s.Run)
			}
			twice := report("local", runs...)
			if d := cmp.Diff(tt.want, ledger.Matrix([]result.Report{twice, twice})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAForbiddenAlertThatFiresIsCounted(t *testing.T) {
	s := faulty("1", 1).forbids("page", result.RuleID{Alert: "P", Labels: map[string]string{"severity": "page"}}).fires("P", "", 3)
	s.Alerts[0].Labels = map[string]string{"severity": "page"}
	want := []ledger.Row{{Alert: "P", Target: "local", Fired: 1, Forbidden: 1, Violated: 1}}
	if d := cmp.Diff(want, ledger.Matrix([]result.Report{report("local", s.Run)})); d != "" {
		t.Error(d)
	}
}

func TestWhatSaysNothingAboutAlertsIsNotCounted(t *testing.T) {
	for name, edit := range map[string]func(*stage){
		"a run without a fault":                func(s *stage) { s.Control = true },
		"a run that ended before its fault":    func(s *stage) { s.T0 = nil },
		"an alert that fired before the fault": func(s *stage) { s.Alerts[0].Firing[0].Start = s.T0.Add(-time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			s := faulty("1", 1).fires("A", "", 0)
			edit(s)
			if got := ledger.Matrix([]result.Report{report("local", s.Run)}); len(got) > 0 {
				t.Errorf("rows %+v", got)
			}
		})
	}
}

func TestDeliveryIsCountedWhereSomebodyWasAsked(t *testing.T) {
	seen := noon()
	for name, tt := range map[string]struct {
		delivery         *result.Delivery
		asked, delivered int
	}{
		"no Alertmanager":          {nil, 0, 0},
		"one that was not asked":   {&result.Delivery{None: "--alertmanager-url=none"}, 0, 0},
		"one that had it":          {&result.Delivery{From: "x", Alerts: []result.Delivered{{Name: "A", Seen: &seen}}}, 1, 1},
		"one that did not have it": {&result.Delivery{From: "x", Alerts: []result.Delivered{{Name: "A", Lacking: &seen}}}, 1, 0},
		"one that had another one": {&result.Delivery{From: "x", Alerts: []result.Delivered{{Name: "B", Seen: &seen}}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := faulty("1", 1).expects("A", "", result.Held).fires("A", "", 4)
			s.Evidence.Delivery = tt.delivery
			got := ledger.Matrix([]result.Report{report("cluster", s.Run)})
			if len(got) != 1 || got[0].Asked != tt.asked || got[0].Delivered != tt.delivered {
				t.Errorf("%+v, want %d of %d", got, tt.delivered, tt.asked)
			}
		})
	}
}

func TestAShareNeedsWhatItIsOf(t *testing.T) {
	if share, ok := (ledger.Row{Fired: 1}).Recall(); ok {
		t.Errorf("recall %g of nothing", share)
	}
	if share, ok := (ledger.Row{Expected: 1}).Precision(); ok {
		t.Errorf("precision %g of nothing", share)
	}
	sum := ledger.Total([]ledger.Row{{Expected: 3, Detected: 2, Fired: 2}, {Expected: 1, Detected: 1, Fired: 2}})
	if recall, ok := sum.Recall(); !ok || recall != 0.75 {
		t.Errorf("recall %g, %v", recall, ok)
	}
	if precision, ok := sum.Precision(); !ok || precision != 0.75 {
		t.Errorf("precision %g, %v", precision, ok)
	}
}
