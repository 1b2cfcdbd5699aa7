package experiment

import (
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/slo"
)

// A run cannot count the slices of an SLO that judges time, so that it may not refer to one:
// neither by an assertion nor by a guard rail.
func TestAnSLOOfTimeIsNoAssertion(t *testing.T) {
	set, err := slo.NewSet(
		slo.SLO{Name: "monitor-availability", Objective: 0.999, Window: 30 * 24 * time.Hour, Slices: &slo.Slices{Length: time.Minute, Query: "up", Op: ">", Value: 0}},
		slo.SLO{Name: "monitor-latency", Objective: 0.99, Window: 30 * 24 * time.Hour},
	)
	if err != nil {
		t.Fatal(err)
	}
	opts := testOptions(t)
	opts.SLOs = set
	const asserted = "    - ref: monitor-availability\n"
	text := strings.Replace(documentNamed(t, "e", "x"), asserted, asserted+"  abort: [{ref: monitor-availability, burnRate: 10, for: 5s}]\n", 1)
	_, problems := Parse("e.yaml", []byte(text), opts)
	fields := map[string]bool{}
	for _, p := range problems {
		if strings.Contains(p.Message, `"monitor-availability" judges time and counts no events`) {
			fields[p.Field] = true
		} else {
			t.Errorf("another problem: %s", p)
		}
	}
	if !fields["spec.slos[0].ref"] || !fields["spec.abort[0].ref"] || len(fields) != 2 {
		t.Errorf("refused in %v, want the assertion and the guard rail", fields)
	}
}
