package report

import (
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

func TestAlertsOfOneNameAreToldApart(t *testing.T) {
	alert := func(name string, labels ...string) result.Alert {
		a := result.Alert{Name: name, Labels: map[string]string{"severity": "page"}}
		for i := 0; i < len(labels); i += 2 {
			a.Labels[labels[i]] = labels[i+1]
		}
		return a
	}
	all := []result.Alert{
		alert("Burn", "slo", "a", "long_window", "1h", "short_window", "5m"),
		alert("Burn", "slo", "a", "long_window", "6h", "short_window", "30m"),
		alert("Alone", "pod", "p"),
		alert("Missing", "pod", "p"),
		alert("Missing"),
		{Name: "Missing"},
	}
	all[1].Labels["severity"] = "ticket"
	for i, want := range []string{"long_window=1h, short_window=5m", "long_window=6h, short_window=30m", "", "pod=p", "", ""} {
		if got := which(all[i], all); got != want {
			t.Errorf("%s: %q, want %q", all[i].Name, got, want)
		}
	}
}

func TestAnAlertThatNeverResolvedIsStillFiringAtTheEnd(t *testing.T) {
	run := failRun()
	for name, tt := range map[string]struct {
		alert result.Alert
		want  string
	}{
		"open": {
			result.Alert{Measured: ptr(result.Seconds(4)), Firing: []result.Span{{Start: run.T0.Add(4 * time.Second), End: run.Ended.Add(-time.Second)}}},
			"Fired 4 s after the fault began. Still firing at the end.",
		},
		"resolved": {
			result.Alert{Measured: ptr(result.Seconds(4)), ResolvedIn: ptr(result.Seconds(2)), Firing: []result.Span{{Start: run.T0.Add(4 * time.Second), End: run.Ended}}},
			"Fired 4 s after the fault began. Resolved 2 s after the fault was removed.",
		},
		"it did not arrive": {
			result.Alert{Measured: ptr(result.Seconds(4)), ResolvedIn: ptr(result.Seconds(2)), Delivery: "Alertmanager did not have it 10 s after it fired"},
			"Fired 4 s after the fault began. Alertmanager did not have it 10 s after it fired. Resolved 2 s after the fault was removed.",
		},
		"never": {result.Alert{}, "Did not fire."},
	} {
		if got := alertStory(tt.alert, run); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestClocksNameTheInstantsOfAFault(t *testing.T) {
	run := failRun()
	got := clocks(run)
	if len(got) != 4 || got[0].More != "0 s" || got[1].Value == chart.None {
		t.Errorf("clocks: %+v", got)
	}
	run.Back = nil
	if got := clocks(run); got[3].Value != chart.None {
		t.Errorf("never recovered: %+v", got[3])
	}
	run.Control = true
	if got := clocks(run); got != nil {
		t.Errorf("a control run has no fault: %+v", got)
	}
}

func TestWhatTheSummarySaysIsNotSaidTwice(t *testing.T) {
	run := result.Run{
		Judgment: result.Judgment{
			Summary: "A guard rail stopped the run: it burned.",
			Findings: []result.Finding{
				{Reason: result.GuardRail, Detail: "it burned"}, {Reason: result.SLOBroken, Detail: "it broke"},
			},
		},
	}
	if got := further(run); len(got) != 1 || got[0].Reason != result.SLOBroken {
		t.Errorf("further: %+v", got)
	}
}
