package experiment

import "time"

// APIVersion and Kind of the document that Load reads.
const (
	APIVersion = "ballast.dev/v1alpha1"
	Kind       = "Experiment"
)

// The document as it is written. Pointers tell what was left out from what was
// given as nothing.
type (
	rawDocument struct {
		APIVersion string      `json:"apiVersion"`
		Kind       string      `json:"kind"`
		Metadata   rawMetadata `json:"metadata"`
		Spec       rawSpec     `json:"spec"`
	}
	rawMetadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	}
	rawSpec struct {
		Hypothesis  string          `json:"hypothesis"`
		Baseline    *duration       `json:"baseline"`
		Observe     *duration       `json:"observe"`
		Recover     *duration       `json:"recover"`
		SLOs        []rawAssertion  `json:"slos"`
		Abort       []rawGuardRail  `json:"abort"`
		Alerts      rawAlerts       `json:"alerts"`
		BlastRadius *rawBlastRadius `json:"blastRadius"`
	}
	rawAssertion struct {
		Ref            string   `json:"ref"`
		MaxBudgetSpend *percent `json:"maxBudgetSpend"`
		Name           string   `json:"name"`
		PromQL         string   `json:"promql"`
		Max            *float64 `json:"max"`
		Min            *float64 `json:"min"`
	}
	rawGuardRail struct {
		Ref      string    `json:"ref"`
		BurnRate *float64  `json:"burnRate"`
		For      *duration `json:"for"`
	}
	rawAlerts struct {
		Expect []rawExpected  `json:"expect"`
		Forbid []rawForbidden `json:"forbid"`
	}
	rawExpected struct {
		Name           string            `json:"name"`
		Severity       string            `json:"severity"`
		Labels         map[string]string `json:"labels"`
		Within         *duration         `json:"within"`
		ResolvesWithin *duration         `json:"resolvesWithin"`
	}
	rawForbidden struct {
		Name     string            `json:"name"`
		Severity string            `json:"severity"`
		Labels   map[string]string `json:"labels"`
	}
	rawBlastRadius struct {
		MaxTargets *int     `json:"maxTargets"`
		MaxPercent *percent `json:"maxPercent"`
	}
)

// What a document means by leaving a field out.
const (
	defaultBaseline = 10 * time.Second
	defaultObserve  = 30 * time.Second
	defaultRecover  = 30 * time.Second
	// defaultBudgetSpend is 0.1% of an SLO's error budget: for 99.9% over 30
	// days, 2.6 s of full outage.
	defaultBudgetSpend = 0.001
)

func (d *duration) or(missing time.Duration) time.Duration {
	if d == nil {
		return missing
	}
	return time.Duration(*d)
}
