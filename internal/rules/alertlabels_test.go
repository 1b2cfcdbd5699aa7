package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/model/rulefmt"
)

func TestLabelsThatAnAlertTakesFromItsCondition(t *testing.T) {
	tests := []struct {
		name, expr, text string
		want             map[string][]string
	}{
		{"those that its selector pins", `up{job="monitor"} == 0`, "", map[string][]string{"job": {"monitor"}}},
		{
			"those that its texts speak of", `up{job="a.b"} == 0`, "{{ $labels.instance }} and {{ .Labels.pod }} of {{ index $labels \"zone\" }}",
			map[string][]string{"job": {`a\.b`}, "instance": nil, "pod": nil, "zone": nil},
		},
		{"none after a sum, whatever a text says", `sum(up{job="monitor"}) == 0`, "{{ $labels.instance }}", nil},
		{"those of the grouping", `sum by (code, job) (rate(x{job="monitor"}[5m])) > 1`, "", map[string][]string{"code": nil, "job": {"monitor"}}},
		{"none that a grouping leaves out", `sum without (job) (x{job="monitor",code=~"5.."}) > 1`, "", map[string][]string{"code": {"5.."}}},
		{"a grouping by what the inner one lost", `sum by (pod) (sum by (job) (x)) > 1`, "", nil},
		{"those of the matchers of what is absent", `absent(up{job="monitor"})`, "{{ $labels.instance }}", map[string][]string{"job": {"monitor"}}},
		{"those of both sides of an or", `x{job="a"} > 1 or y{job="b"} > 1`, "", map[string][]string{"job": {"a", "b"}}},
		{"any value when one side of an or leaves it open", `x{job="a"} > 1 or sum by (job) (y) > 1`, "", map[string][]string{"job": nil}},
		{"those of the left side of an and", `x{job="a"} and y{job="b"}`, "", map[string][]string{"job": {"a"}}},
		{"those that two vectors are matched on", `x{job="a"} / on (pod) y`, "", map[string][]string{"pod": nil}},
		{"those that a group_left brings", `x{job="a"} * on (pod) group_left (node) y{node="n"}`, "", map[string][]string{"job": {"a"}, "node": {"n"}}},
		{"those of the many of a group_right", `x{job="a"} * on (pod) group_right () y{job="b"}`, "", map[string][]string{"job": {"b"}}},
		{"one that is written by a function", `label_replace(sum(x), "team", "shop", "", "")`, "", map[string][]string{"team": nil}},
		{"not the bounds of buckets", `histogram_quantile(0.9, sum by (le, pod) (rate(x_bucket[5m]))) > 1`, "", map[string][]string{"pod": nil}},
		{"those of a vector beside a number", `0.5 < x{job="a"}`, "", map[string][]string{"job": {"a"}}},
		{"any value where only some are excluded", `x{job!="a"} > 1`, "", map[string][]string{"job": nil}},
		{"none of a number", `vector(1) > 0`, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := labelsOf(rulefmt.Rule{Alert: "A", Expr: tt.expr, Annotations: map[string]string{"description": tt.text}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
