package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxReport bounds what Decode reads: some hundred times the report of a large
// catalogue.
const maxReport = 256 << 20

// The errors of Decode.
var (
	// ErrVersion is returned for a report of another version than [Version].
	ErrVersion = errors.New("report of another version")
	// ErrMalformed is returned for what is not a report.
	ErrMalformed = errors.New("not a report")
)

// Encode writes r as report.json. The output depends on r alone and validates
// against the published schema.
func Encode(w io.Writer, r Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.Normal()); err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	return nil
}

// Decode reads a report.json. It refuses another version, unknown fields,
// unknown verdicts, series out of order and anything after the document.
func Decode(r io.Reader) (Report, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return Report{}, fmt.Errorf("read the report: %w", err)
	}
	if len(data) > maxReport {
		return Report{}, fmt.Errorf("%w: larger than %d MiB", ErrMalformed, maxReport>>20)
	}
	// The version comes first: the fields of another version mean nothing here.
	var head struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if head.Version != Version {
		return Report{}, fmt.Errorf("%w: it says %q, this program reads %q", ErrVersion, head.Version, Version)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var out Report
	if err := dec.Decode(&out); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Report{}, fmt.Errorf("%w: something follows the document", ErrMalformed)
	}
	if err := out.check(); err != nil {
		return Report{}, err
	}
	return out.Normal(), nil
}

// check refuses verdicts that nothing downstream would know how to show, and series that
// nothing can be predicted from.
func (r Report) check() error {
	var errs []error
	if r.Verdict.Exit() == exitUnknown {
		errs = append(errs, fmt.Errorf("%w: unknown verdict %q", ErrMalformed, r.Verdict))
	}
	for i, run := range r.Experiments {
		if run.Verdict.Exit() == exitUnknown {
			errs = append(errs, fmt.Errorf("%w: experiments[%d] %q has the unknown verdict %q", ErrMalformed, i, run.Name, run.Verdict))
		}
		for _, err := range run.checkReplay() {
			errs = append(errs, fmt.Errorf("experiments[%d] %q: %w", i, run.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Normal returns r as a reader of JSON expects it: lists that are required are
// empty instead of null, and numbers that JSON cannot hold, NaN and infinities,
// are missing data. r itself is not changed.
func (r Report) Normal() Report {
	r.Command = list(r.Command)
	r.Experiments = list(r.Experiments)
	for i := range r.Experiments {
		run := &r.Experiments[i]
		run.Phases = list(run.Phases)
		run.Faults = list(run.Faults)
		for j := range run.Faults {
			run.Faults[j].Targets = list(run.Faults[j].Targets)
		}
		run.Asserts = list(run.Asserts)
		run.SLIs = optional(run.SLIs)
		for j := range run.SLIs {
			s := &run.SLIs[j]
			s.Points = finitePoints(s.Points)
			s.BurnRate = optional(finitePoints(s.BurnRate))
			for _, p := range []**float64{
				&s.Max, &s.Min, &s.Objective, &s.BadEvents, &s.TotalEvents, &s.BaselineRate,
				&s.BudgetSpent, &s.BudgetLimit, &s.BudgetEvents, &s.WindowDays,
			} {
				*p = finite(*p)
			}
		}
		run.Alerts = optional(run.Alerts)
		for j := range run.Alerts {
			a := &run.Alerts[j]
			for _, p := range []**Seconds{&a.PredictedMin, &a.PredictedMax, &a.Measured, &a.ResolvedIn} {
				*p = finite(*p)
			}
		}
		run.TimeToDetect = finite(run.TimeToDetect)
		run.TimeToRecover = finite(run.TimeToRecover)
	}
	return r
}

// list returns a copy of s that is never nil.
func list[T any](s []T) []T { return append([]T{}, s...) }

// optional returns a copy of s that is nil when it is empty, as omitempty reads back.
func optional[T any](s []T) []T { return append([]T(nil), s...) }

func finite[F ~float64](v *F) *F {
	if v == nil || math.IsNaN(float64(*v)) || math.IsInf(float64(*v), 0) {
		return nil
	}
	return v
}

func finitePoints(in []Point) []Point {
	out := make([]Point, 0, len(in))
	for _, p := range in {
		if finite(&p.V) != nil {
			out = append(out, p)
		}
	}
	return out
}
