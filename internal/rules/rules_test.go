package rules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

func TestAlertNamesOfTheCommittedRules(t *testing.T) {
	want := []string{
		"AlertmanagerConfigRejected", "AlertmanagerNotificationsFailing",
		"ArgoCDApplicationOutOfSync", "ArgoCDSyncFailing",
		"ClientCertificateExpiresSoon",
		"HostCPUSaturated", "HostFilesystemAlmostFull", "HostFilesystemFillingUp", "HostInodesShort", "HostMemoryShort", "HostMountNotAnswering", "HostNetworkDrops", "HostNetworkErrors", "HostNetworkSaturated",
		"LogsLost", "LogsNotSent", "LogsRefused",
		"MonitorAllReplicasDown", "MonitorAvailabilityBudgetBurn", "MonitorAvailabilityBudgetExhausted", "MonitorAvailabilityNoData",
		"MonitorCollectorFailing", "MonitorCollectorStale", "MonitorConfigRejected", "MonitorLatencyBudgetBurn", "MonitorLatencyBudgetExhausted", "MonitorLatencyGoodExceedsTotal", "MonitorLatencyNoData", "MonitorReplicaDown", "MonitorReplicaRestarting",
		"PlatformTargetDown",
		"PrometheusAlertsNotSent", "PrometheusConfigRejected", "PrometheusRulesFailing", "PrometheusRulesLate",
		"Watchdog",
	}
	if diff := cmp.Diff(want, AlertNames(committed(t, 1))); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestFromSLOKeepsGroupsSmallAndNamesLegal(t *testing.T) {
	for name, s := range map[string]slo.SLO{
		"the usual":          {Name: "shop-9-lives", Service: "shop", Objective: 0.999, Window: 30 * 24 * time.Hour, Good: `a{b="c"}`, Total: "a"},
		"a low objective":    {Name: "x", Service: "shop", Objective: 0.5, Window: 30 * 24 * time.Hour, Good: `a{b="c"}`, Total: "a"},
		"another period":     {Name: "y", Service: "shop", Objective: 0.99999, Window: 28 * 24 * time.Hour, Good: `a{b="c"}`, Total: "a"},
		"quotes in selector": {Name: "z", Service: "shop", Objective: 0.99, Window: 7 * 24 * time.Hour, Good: `a{b="\"c\"\\"}`, Total: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rules.yaml")
			groups := FromSLO(s)
			var b strings.Builder
			if err := Write(&b, groups); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(groups, loaded, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("writing and loading changes the groups (-want +got):\n%s", diff)
			}
			for _, g := range groups {
				if len(g.Rules) > 20 {
					t.Errorf("group %s has %d rules, more than Azure Monitor takes", g.Name, len(g.Rules))
				}
				for _, r := range g.Rules {
					if strings.Contains(r.Expr, "00000") {
						t.Errorf("%s shows the noise of binary fractions: %s", r.Record+r.Alert, r.Expr)
					}
				}
			}
		})
	}
}

func TestTiersOfAShortPeriod(t *testing.T) {
	s := slo.SLO{Name: "x", Service: "shop", Objective: 0.99, Window: 24 * time.Hour, Good: `a{b="c"}`, Total: "a"}
	var windows []string
	for _, g := range FromSLO(s)[:2] {
		for _, r := range g.Rules {
			if w := r.Labels[LabelLongWindow]; w != "" {
				windows = append(windows, w)
			}
		}
	}
	if diff := cmp.Diff([]string{"24m", "48m", "2h24m"}, windows); diff != "" {
		t.Errorf("tiers differ (-want +got):\n%s", diff)
	}
}

func TestModelsOfTheCommittedRules(t *testing.T) {
	models, err := Models(committed(t, 1), loadSLOs(t))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, m := range models {
		switch {
		case m.Burn != nil:
			kinds["burn"]++
			if m.Severity != m.Burn.Severity || m.Objective == 0 || m.Opaque || m.LongRatio == "" || m.Total == "" || m.Good == "" || m.Condition != "" {
				t.Errorf("%+v does not fit its tier %+v", m, *m.Burn)
			}
		case m.Opaque:
			kinds["opaque"]++
			if m.Condition != "" || m.Good != "" {
				t.Errorf("%s looks back, and what it watches is to be predicted: %+v", m.Name, m)
			}
			if m.Name == "MonitorReplicaRestarting" && (m.Reach != 15*time.Minute || m.Total != `process_start_time_seconds{job="monitor"}`) {
				t.Errorf("%s looks back %s at %s", m.Name, m.Reach, m.Total)
			}
		default:
			kinds["resource"]++
			if m.Condition == "" {
				t.Errorf("%s does not look back, and has no condition", m.Name)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"burn": 8, "opaque": 24, "resource": 13}, kinds); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestAConditionIsThatOfARuleThatReadsNow(t *testing.T) {
	for expr, now := range map[string]bool{
		`up == 0`:              true,
		`up offset 5m == 0`:    false,
		`up @ 1700000000 == 0`: false,
		`up @ end() == 0`:      false,
		`rate(up[5m]) == 0`:    false,
	} {
		models, err := Models([]rulefmt.RuleGroup{{Name: "g", Rules: []rulefmt.Rule{{Alert: "A", Expr: expr}}}}, loadSLOs(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := models[0].Condition; got != "" != now || now && got != expr {
			t.Errorf("%s: the condition is %q", expr, got)
		}
	}
}

func TestModelsRefuseRulesThatDoNotFitTheSLOs(t *testing.T) {
	alert := func(labels map[string]string) []rulefmt.RuleGroup {
		return []rulefmt.RuleGroup{{Name: "g", Rules: []rulefmt.Rule{{Alert: "A", Expr: "a", Labels: labels}}}}
	}
	set := loadSLOs(t)
	for name, labels := range map[string]map[string]string{
		"an SLO that does not exist":    {LabelSLO: "gone"},
		"windows that no tier has":      {LabelSLO: "monitor-latency", LabelLongWindow: "4h", LabelShortWindow: "5m"},
		"a long window without a short": {LabelSLO: "monitor-latency", LabelLongWindow: "1h"},
	} {
		if _, err := Models(alert(labels), set); err == nil || !strings.Contains(err.Error(), `alert "A" of group "g"`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	const good = "groups: [{name: g, rules: [{record: a, expr: b}]}]\n"
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string // parts of the error
	}{
		"an unknown field":             {map[string]string{"a.yaml": "groups: [{name: g, rulez: []}]\n"}, []string{"a.yaml", "rulez"}},
		"an expression that is broken": {map[string]string{"a.yaml": "groups: [{name: g, rules: [{record: a, expr: 'b['}]}]\n"}, []string{"a.yaml", "1:"}},
		"all broken files in one go":   {map[string]string{"a.yaml": "x: y\n", "b.yml": "x: y\n"}, []string{"a.yaml", "b.yml"}},
		"one group name in two files":  {map[string]string{"a.yaml": good, "b.yaml": good}, []string{"b.yaml", `"g" is already in`, "a.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Load(dir)
			for _, part := range tt.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing path gives %v, want fs.ErrNotExist", err)
	}
}
