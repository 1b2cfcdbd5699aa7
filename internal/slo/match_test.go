package slo

import "testing"

func TestAlertMatches(t *testing.T) {
	m := AlertModel{
		Name:   "ReplicaDown",
		Labels: map[string]string{"severity": "ticket", "tier": "{{ $labels.tier }}"},
		FromSeries: map[string][]string{
			"job": {"monitor"}, "code": {"5..", "429"}, "instance": nil, "severity": {"page"},
		},
	}
	tests := []struct {
		name   string
		labels map[string]string
		want   bool
	}{
		{"no label at all", nil, true},
		{"its name", map[string]string{"alertname": "ReplicaDown"}, true},
		{"its name in another case", map[string]string{"alertname": "replicadown"}, false},
		{"a label that the rule sets", map[string]string{"severity": "ticket"}, true},
		{"another value than the rule sets, though a series has it", map[string]string{"severity": "page"}, false},
		{"a value in another case", map[string]string{"severity": "Ticket"}, false},
		{"a label in another case", map[string]string{"Severity": "ticket"}, false},
		{"a label that a template makes", map[string]string{"tier": "gold"}, true},
		{"a label that the selector pins", map[string]string{"job": "monitor"}, true},
		{"another value than the selector pins", map[string]string{"job": "monitors"}, false},
		{"a value that the selector's pattern matches", map[string]string{"code": "503"}, true},
		{"a value that no pattern matches as a whole", map[string]string{"code": "5033"}, false},
		{"any value of a series", map[string]string{"instance": "10.0.0.1:80"}, true},
		{"a label that nothing has", map[string]string{"team": "shop"}, false},
		{"one label of two", map[string]string{"alertname": "ReplicaDown", "severity": "page"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := m.Matches(tt.labels); got != tt.want {
				t.Errorf("Matches(%v) = %v, want %v", tt.labels, got, tt.want)
			}
		})
	}
}
