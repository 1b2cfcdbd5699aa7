package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestSharesAndTimesOfAlerts(t *testing.T) {
	latest := result.Seconds(7)
	for name, tt := range map[string]struct{ got, want string }{
		"a share has what it is of":          {OutOf(2, 3), "2 of 3"},
		"of nothing there is no share":       {OutOf(0, 0), "–"},
		"nothing predicts it":                {DueText(nil), "–"},
		"it is due within a band":            {DueText(&ledger.Due{Earliest: 3, Latest: &latest}), "3 s to 7 s"},
		"it is due from a time on":           {DueText(&ledger.Due{Earliest: 3}), "from 3 s on"},
		"it was never measured":              {SpreadText(nil), "–"},
		"it was measured once":               {SpreadText(&ledger.Spread{Least: 4, Median: 4, Most: 4}), "4 s"},
		"it was measured at different times": {SpreadText(&ledger.Spread{Least: 4, Median: 5, Most: 9}), "5 s (4 s to 9 s)"},
	} {
		if got := strings.ReplaceAll(tt.got, "\u00a0", " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheReportHasTheMatrixOfItsAlerts(t *testing.T) {
	rep := fixtures()["cluster"]
	run := &rep.Experiments[0]
	t0, took := *run.T0, result.Seconds(4.6)
	run.Spec.Expect = []result.ExpectedAlert{
		{Name: "Down", Match: result.AlertMatch{"alertname": "Down"}}, {Name: "Burn", Match: result.AlertMatch{"alertname": "Burn", "tier": "slow"}},
	}
	run.Asserts = []result.Assertion{{Kind: result.AssertExpect, Outcome: result.Held}, {Kind: result.AssertExpect, Outcome: result.Broken}}
	firing := []result.Span{{Start: t0.Add(4600 * time.Millisecond), End: run.Ended}}
	run.Alerts = []result.Alert{{Name: "Down", Measured: &took, Firing: firing}, {Name: "Other", Measured: &took, Firing: firing}}
	rep.Experiments = rep.Experiments[:1]
	var page bytes.Buffer
	if err := HTML(&page, rep); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<tr><td>Burn <span class="tag">slow</span> <span class="tag">missed</span></td><td class="n" data-label="Fired of expected">0 of 1</td>`,
		`<tr><td>Down</td><td class="n" data-label="Fired of expected">1 of 1</td>`,
		`<tr><td>Other <span class="tag">not expected</span></td><td class="n" data-label="Fired of expected">–</td><td class="n" data-label="Expected of fired">0 of 1</td>`,
		`<tr><th scope="row">All alerts</th><td class="n" data-label="Fired of expected">1 of 2</td><td class="n" data-label="Expected of fired">1 of 2</td>`,
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestAReportWithoutAlertsHasNoMatrix(t *testing.T) {
	var page bytes.Buffer
	if err := HTML(&page, fixtures()["none"]); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), `id="matrix"`) {
		t.Error("there is a matrix of nothing")
	}
}
