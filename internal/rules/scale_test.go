package rules

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

func TestScaleOfExpressions(t *testing.T) {
	for _, tt := range []struct {
		name, expr, want string
		factor           float64
	}{
		{"a range", `rate(a[5m])`, `rate(a[4s])`, 75},
		{"a range that stays odd", `rate(a[2h])`, `rate(a[1m36s])`, 75},
		{"an offset", `a offset 5m`, `a offset 4s`, 75},
		{"an offset into the future", `a offset -5m`, `a offset -4s`, 75},
		{"the offset of a range", `rate(a[5m] offset 1h)`, `rate(a[4s] offset 48s)`, 75},
		{"a subquery with its step, its offset and what is within", `max_over_time(rate(a[5m])[1h:5m] offset 1d)`, `max_over_time(rate(a[4s])[48s:4s] offset 19m12s)`, 75},
		{"a subquery with the default step", `max_over_time(a[1h:])`, `max_over_time(a[48s:])`, 75},
		{"an absolute time", `a @ 1700000000.000`, `a @ 1700000000.000`, 75},
		{"numbers", `time() - a > 600`, `time() - a > 600`, 75},
		{"nested operators", `(sum(rate(a[5m])) or vector(0)) / (sum(rate(b[1h])) > 0)`, `(sum(rate(a[4s])) or vector(0)) / (sum(rate(b[48s])) > 0)`, 75},
		{"windows of names and labels", `slo:error:ratio_rate5m{long_window="1h"}`, `slo:error:ratio_rate5m{long_window="1h"}`, 75},
		{"less than a millisecond", `rate(a[1s])`, `rate(a[1ms])`, 1e6},
		{"slower instead of faster", `rate(a[5m])`, `rate(a[10m])`, 0.5},
		{"not at all", `rate(a[5m])`, `rate(a[5m])`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			groups := []rulefmt.RuleGroup{{Name: "g", Rules: []rulefmt.Rule{{Record: "r", Expr: tt.expr}}}}
			scaled, err := Scale(groups, tt.factor)
			if err != nil {
				t.Fatal(err)
			}
			if got := scaled[0].Rules[0].Expr; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestScaleOfGroupsLeavesTheOriginalAlone(t *testing.T) {
	offset := model.Duration(75 * time.Second)
	group := func() []rulefmt.RuleGroup {
		return []rulefmt.RuleGroup{{
			Name: "g", Interval: model.Duration(5 * time.Minute), QueryOffset: &offset, Labels: map[string]string{"a": "b"},
			Rules: []rulefmt.Rule{{
				Alert: "A", Expr: "rate(a[5m]) > 0",
				For: model.Duration(2 * time.Minute), KeepFiringFor: model.Duration(time.Hour),
				Labels: map[string]string{LabelLongWindow: "1h"}, Annotations: map[string]string{"summary": "5m"},
			}},
		}}
	}
	original := group()
	scaled, err := Scale(original, 75)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(group(), original); diff != "" {
		t.Errorf("the argument changed (-want +got):\n%s", diff)
	}
	g := scaled[0]
	r := g.Rules[0]
	if g.Interval != model.Duration(4*time.Second) || *g.QueryOffset != model.Duration(time.Second) ||
		r.For != model.Duration(1600*time.Millisecond) || r.KeepFiringFor != model.Duration(48*time.Second) {
		t.Errorf("got %+v with offset %s", g, *g.QueryOffset)
	}
	if r.Labels[LabelLongWindow] != "1h" || r.Annotations["summary"] != "5m" {
		t.Errorf("labels or annotations changed: %+v", r)
	}
	r.Labels[LabelLongWindow] = "changed"
	if original[0].Rules[0].Labels[LabelLongWindow] != "1h" {
		t.Error("the scaled groups share their labels with the original")
	}
}

func TestScaleRefuses(t *testing.T) {
	groups := []rulefmt.RuleGroup{{Name: "g", Rules: []rulefmt.Rule{{Record: "r", Expr: "a"}}}}
	for _, factor := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := Scale(groups, factor); err == nil {
			t.Errorf("a factor of %v was accepted", factor)
		}
	}
	groups[0].Rules[0].Expr = "a["
	if _, err := Scale(groups, 75); err == nil || !strings.Contains(err.Error(), `rule "r" of group "g"`) {
		t.Errorf("an expression that does not parse gives %v", err)
	}
}

func FuzzScale(f *testing.F) {
	f.Add(`rate(a[5m] offset 1h)`, 75.0)
	f.Add(`max_over_time(rate(a[5m])[1h:5m] offset 1d)`, 75.0)
	f.Add(`a offset -1ms`, 1e300)
	f.Add(`a[5m]`, 1e-300)
	f.Fuzz(func(t *testing.T, expr string, factor float64) {
		groups := []rulefmt.RuleGroup{{Name: "g", Rules: []rulefmt.Rule{{Record: "r", Expr: expr}}}}
		scaled, err := Scale(groups, factor)
		if err != nil {
			return
		}
		if _, err := newParser().ParseExpr(scaled[0].Rules[0].Expr); err != nil {
			t.Errorf("%q scaled by %v does not parse: %q: %v", expr, factor, scaled[0].Rules[0].Expr, errors.Unwrap(err))
		}
	})
}
