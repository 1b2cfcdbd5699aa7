package trend

import "github.com/ballast-sre/ballast/chaos/runner/internal/result"

// flakyRuns is how many of the last judged runs are looked at.
const flakyRuns = 10

// Flaky says that an experiment wavers: among its last ten judged runs it changed between
// passing and not passing at least twice. One that broke and was mended changed twice, too,
// until its runs from before have left the ten; one that broke and stayed so changed once
// and is not a flaky one.
type Flaky struct {
	Passed  int `json:"passed"`
	Of      int `json:"of"`
	Changes int `json:"changes"`
}

// flaky is nil for an experiment that does not waver.
func flaky(runs []Run) *Flaky {
	var judged []Run
	for _, r := range runs {
		if r.Judged() {
			judged = append(judged, r)
		}
	}
	if n := len(judged); n > flakyRuns {
		judged = judged[n-flakyRuns:]
	}
	f := Flaky{Of: len(judged)}
	for i, r := range judged {
		if r.Verdict == result.Pass {
			f.Passed++
		}
		if i > 0 && (r.Verdict == result.Pass) != (judged[i-1].Verdict == result.Pass) {
			f.Changes++
		}
	}
	if f.Changes < 2 {
		return nil
	}
	return &f
}
