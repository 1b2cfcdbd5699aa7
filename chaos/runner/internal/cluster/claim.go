package cluster

import (
	"encoding/json"
	"slices"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Claim is what a run needs for itself while it lasts.
type Claim struct {
	Run        fault.RunID
	Experiment string
	Holder     string // who runs it, shown to those who have to wait: user@host
	Needs      Needs
}

// Needs are what two runs may not share: a fault on one would be seen by the other.
type Needs struct {
	Pods      []string `json:"pods,omitempty"`      // namespace/name
	Workloads []string `json:"workloads,omitempty"` // namespace/kind/name
	Series    []string `json:"series,omitempty"`    // SLOs, guard rails and alerts, by name
}

// shared lists what both need, each with a word that says what it is.
func (n Needs) shared(other Needs) []string {
	var out []string
	for _, of := range []struct {
		what         string
		mine, theirs []string
	}{
		{"pod", n.Pods, other.Pods},
		{"workload", n.Workloads, other.Workloads},
		{"series", n.Series, other.Series},
	} {
		for _, name := range of.mine {
			if slices.Contains(of.theirs, name) {
				out = append(out, of.what+" "+name)
			}
		}
	}
	return out
}

// text is how an annotation holds a value.
func text(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
