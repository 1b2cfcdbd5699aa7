package result

import "slices"

// Verdicts lists every verdict, worst first: the order in which several runs
// together are judged.
func Verdicts() []Verdict {
	return []Verdict{Residual, Aborted, Fail, Inconclusive, Pass}
}

// exitUnknown is the exit code of an internal error.
const exitUnknown = 70

// Exit returns the exit code of a process that ends with v: 0, 1, 3, 4 or 5. A
// value that is not a verdict is an internal error, 70; 2 is never returned, as it
// is what a panic and make end with.
func (v Verdict) Exit() int {
	switch v {
	case Pass:
		return 0
	case Fail:
		return 1
	case Inconclusive:
		return 3
	case Aborted:
		return 4
	case Residual:
		return 5
	default:
		return exitUnknown
	}
}

// Combine judges several runs together: the worst verdict in the order of
// [Verdicts], except that an interrupted run outranks a failed one, because
// what was not run any more might have been worse. No runs at all are
// inconclusive: nothing was judged.
func Combine(runs []Run) Verdict {
	if len(runs) == 0 {
		return Inconclusive
	}
	rank := func(r Run) int {
		if r.Interrupted() {
			// Just before fail, on a scale that leaves room between two verdicts.
			return 2*slices.Index(Verdicts(), Fail) - 1
		}
		return 2 * slices.Index(Verdicts(), r.Verdict) // -2, worst of all, for what is not a verdict
	}
	worst := slices.MinFunc(runs, func(a, b Run) int { return rank(a) - rank(b) })
	return worst.Verdict
}

// Interrupted is true when the run could not be judged because the runner was
// told to stop.
func (r Run) Interrupted() bool {
	return r.Verdict == Inconclusive && r.Reason == Interrupted
}
