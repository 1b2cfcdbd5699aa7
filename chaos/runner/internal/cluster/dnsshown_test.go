package cluster

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	same    = `probe_recent_lookups{outcome="same"`
	changed = `probe_recent_lookups{outcome="changed"`
	erring  = `probe_recent_lookups{outcome="error"`
)

func TestWhatDNSAnswersIsSeenWhereAPodSaysSoItself(t *testing.T) {
	lookups := func(was, is [3]float64) answers {
		return answers{same: {before: was[0], now: is[0]}, changed: {before: was[1], now: is[1]}, erring: {before: was[2], now: is[2]}}
	}
	usual := [3]float64{5, 0, 0}
	stale := lookups(usual, [3]float64{0, 0, 5})
	for k, v := range stale {
		v.stale = true
		stale[k] = v
	}
	for name, tc := range map[string]struct {
		action v1alpha1.DNSChaosAction
		seen   answers
		shown  bool
		says   string
	}{
		"errors, every lookup":            {v1alpha1.ErrorAction, lookups(usual, [3]float64{0, 0, 5}), true, "5 of the pod's last 5 lookups brought no answer, where 0 did before"},
		"errors, some of a while ago":     {v1alpha1.ErrorAction, lookups(usual, [3]float64{2, 0, 3}), false, "3 of the pod's last 5"},
		"errors, nothing has happened":    {v1alpha1.ErrorAction, lookups(usual, usual), false, "0 of the pod's last 5"},
		"errors, there were some before":  {v1alpha1.ErrorAction, lookups([3]float64{4, 0, 1}, [3]float64{0, 0, 5}), false, "where 1 did before"},
		"errors, the reading is old":      {v1alpha1.ErrorAction, stale, false, "before the fault"},
		"errors, nothing says so":         {v1alpha1.ErrorAction, answers{}, false, "no such series"},
		"random, another one each time":   {v1alpha1.RandomAction, lookups(usual, [3]float64{0, 5, 0}), true, "5 of the pod's last 5 lookups brought another address"},
		"random, the address moved once":  {v1alpha1.RandomAction, lookups(usual, [3]float64{4, 1, 0}), false, "1 of the pod's last 5"},
		"random, lookups fail instead":    {v1alpha1.RandomAction, lookups(usual, [3]float64{0, 0, 5}), false, "0 of the pod's last 5"},
		"random, addresses change anyway": {v1alpha1.RandomAction, lookups([3]float64{0, 5, 0}, [3]float64{0, 5, 0}), false, "where 5 did before"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &v1alpha1.DNSChaos{Spec: v1alpha1.DNSChaosSpec{Action: tc.action}}
			check(t, watching(tc.seen).observeNames(t.Context(), o, snapshot{at: noon}, fault.Target{Namespace: "monitor", Pod: "probe-a"}), tc.shown, tc.says)
		})
	}
}

func TestADNSChaosNeedsTargetsThatSayHowTheyResolve(t *testing.T) {
	text := "kind: DNSChaos\nmetadata: {name: k}\nspec: {action: error, mode: one, patterns: [\"monitor.*\"], selector: {labelSelectors: {app: monitor}}}\n"
	for name, tc := range map[string]struct {
		seen answers
		says string // nothing: it is planned
	}{
		"it does":              {answers{same: {now: 5}}, ""},
		"it does not":          {answers{}, "no metric probe_recent_lookups of a name that matches [monitor.*]"},
		"it fails to, already": {answers{same: {}}, "repair that first"},
	} {
		t.Run(name, func(t *testing.T) {
			target := platform(t, three()...)
			target.cfg.Querier = tc.seen
			plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, text)})
			switch {
			case tc.says == "" && err != nil:
				t.Error(err)
			case tc.says != "" && (!errors.Is(err, fault.ErrNotInjectable) || !strings.Contains(err.Error(), tc.says)):
				t.Errorf("%+v, %v", plan, err)
			}
		})
	}
}

func TestPatternsOfADNSChaosNameHosts(t *testing.T) {
	for _, tc := range []struct {
		patterns []string
		host     string
		want     bool
	}{
		{[]string{"monitor.svc"}, "monitor.svc", true},
		{[]string{"monitor.svc"}, "monitorxsvc", false},
		{[]string{"monitor.*"}, "monitor.monitor.svc.cluster.local", true},
		{[]string{"monito?.svc"}, "monitor.svc", true},
		{[]string{"monito?.svc"}, "monito.svc", false},
		{[]string{"a.test", "b.*"}, "b.test", true},
		{[]string{"a.test", "b.*"}, "c.test", false},
	} {
		// Prometheus anchors its matchers.
		if got := regexp.MustCompile("^(?:" + hostsOf(tc.patterns) + ")$").MatchString(tc.host); got != tc.want {
			t.Errorf("%v matches %s: %v", tc.patterns, tc.host, got)
		}
	}
}
