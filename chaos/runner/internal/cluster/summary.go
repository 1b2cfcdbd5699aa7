package cluster

import (
	"maps"
	"math"
	"time"
)

// Summary is what a run leaves in its Lease when it ends. The guard serves it as
// metrics.
type Summary struct {
	Experiment string `json:"experiment"`
	Verdict    string `json:"verdict"`
	Reason     string `json:"reason,omitempty"`
	// Spent is the share of its whole error budget that each SLO lost, 1 is all.
	Spent   map[string]float64 `json:"spent,omitempty"`
	Started time.Time          `json:"started"`
	Ended   time.Time          `json:"ended"`
	// Detection is from the fault to the first alert, in seconds, and Recovery from the
	// fault's removal until all held again; nil where that was not seen.
	Detection *float64 `json:"detection,omitempty"`
	Recovery  *float64 `json:"recovery,omitempty"`
}

// finite drops what was spent of an SLO when it is not known; JSON has no word for it.
func (s Summary) finite() Summary {
	s.Spent = maps.Clone(s.Spent)
	maps.DeleteFunc(s.Spent, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	return s
}
