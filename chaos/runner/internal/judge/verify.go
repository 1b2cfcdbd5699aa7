package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// ErrDiffers is returned when a report says something else than its evidence.
var ErrDiffers = errors.New("the report differs from what its evidence shows")

// Again computes every run of a report again, from spec and evidence alone, and
// the verdict of all together. The error wraps ErrDiffers, for every difference,
// or ErrRecord; the verdict is the recomputed one in either case.
func Again(r result.Report) (result.Verdict, error) {
	var errs []error
	runs := make([]result.Run, len(r.Experiments))
	for i, run := range r.Experiments {
		again, err := Rejudge(run)
		if err != nil {
			errs = append(errs, fmt.Errorf("experiments[%d] %s: %w", i, run.Name, err))
		}
		runs[i] = again
	}
	verdict := result.Combine(runs)
	if verdict != r.Verdict {
		errs = append(errs, fmt.Errorf("%w: verdict of the report: %q, recomputed %q", ErrDiffers, r.Verdict, verdict))
	}
	return verdict, errors.Join(errs...)
}

// Rejudge computes one run again and compares.
func Rejudge(run result.Run) (result.Run, error) {
	var errs []error
	sum, err := run.Sum()
	switch {
	case err != nil:
		errs = append(errs, err)
	case sum != run.Digest:
		errs = append(errs, fmt.Errorf("%w: the digest of spec and evidence is %s, recomputed %s", ErrDiffers, run.Digest, sum))
	}
	if run.Control != run.Spec.Control {
		errs = append(errs, fmt.Errorf("%w: control is %v, in the spec %v", ErrDiffers, run.Control, run.Spec.Control))
	}
	again := run
	again.Judgment, err = Judge(run.Spec, run.Evidence)
	if err != nil {
		errs = append(errs, err)
	}
	// When an alert should have fired that was not expected is said beside the evidence.
	for i := range again.Alerts {
		if i < len(run.Alerts) && !Predicts(&run.Spec, again.Alerts[i]) {
			again.Alerts[i].PredictedMin, again.Alerts[i].PredictedMax = run.Alerts[i].PredictedMin, run.Alerts[i].PredictedMax
		}
	}
	diffs, err := differences(run.Judgment, again.Judgment)
	return again, errors.Join(append(errs, diffs, err)...)
}

// differences compares field by field, as the report writes them.
func differences(was, is result.Judgment) (diffs, err error) {
	a, err := fields(was)
	if err != nil {
		return nil, err
	}
	b, err := fields(is)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range append(sortedKeys(a), missingKeys(a, b)...) {
		if !bytes.Equal(a[name], b[name]) {
			errs = append(errs, fmt.Errorf("%w: %s: %s, recomputed %s", ErrDiffers, name, short(a[name]), short(b[name])))
		}
	}
	return errors.Join(errs...), nil
}

func fields(j result.Judgment) (map[string]json.RawMessage, error) {
	// Normal writes numbers that JSON cannot hold as a report does.
	data, err := json.Marshal(result.Report{Experiments: []result.Run{{Judgment: j}}}.Normal().Experiments[0].Judgment)
	if err != nil {
		return nil, fmt.Errorf("encode the judgment: %w", err)
	}
	out := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("decode the judgment: %w", err)
	}
	return out, nil
}

// short keeps a message readable.
func short(v []byte) string {
	const most = 120
	switch {
	case len(v) == 0:
		return "nothing"
	case len(v) > most:
		return string(bytes.ToValidUTF8(v[:most], nil)) + "…"
	}
	return string(v)
}

func sortedKeys(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }

func missingKeys(a, b map[string]json.RawMessage) []string {
	var out []string
	for _, k := range sortedKeys(b) {
		if _, ok := a[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}
