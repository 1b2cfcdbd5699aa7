package ledger

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Labels of alerts that distinguish rows of the matrix.
const (
	labelAlert = "alertname"
	labelTier  = "tier"
)

// Row is what one alert, and of a burn alert one tier, did in the runs on a target. Runs
// without a fault, and those that ended before theirs, are not counted.
type Row struct {
	Alert  string `json:"alert"`
	Tier   string `json:"tier,omitempty"`
	Target string `json:"target"`
	// Expected counts the runs that had to fire it and show whether it fired, Detected
	// those of them in which it did.
	Expected int `json:"expected"`
	Detected int `json:"detected"`
	// Fired counts the runs in which it fired between the fault and the end, for whatever
	// reason.
	Fired int `json:"fired"`
	// Forbidden counts the runs in which it must not fire, Violated those in which it did.
	Forbidden int `json:"forbidden"`
	Violated  int `json:"violated"`
	// Predicted is from the earliest to the latest time, since the fault, at which it was
	// due in any run that fired it; absent where nothing predicts it.
	Predicted *Due `json:"predicted,omitempty"`
	// Measured are the times from the fault to its firing, where it was expected.
	Measured *Spread `json:"measured,omitempty"`
	// Asked counts the runs in which it was expected, fired, and Alertmanager was asked for
	// it; Delivered those in which it had it.
	Asked     int `json:"asked"`
	Delivered int `json:"delivered"`
}

// Due is a stretch of time since the fault. Latest is absent where there is no bound.
type Due struct {
	Earliest result.Seconds  `json:"earliest"`
	Latest   *result.Seconds `json:"latest,omitempty"`
}

// Spread is how times are spread over runs.
type Spread struct {
	Least  result.Seconds `json:"least"`
	Median result.Seconds `json:"median"`
	Most   result.Seconds `json:"most"`
}

// Recall is Detected ÷ Expected; ok is false where no run expected it.
func (r Row) Recall() (share float64, ok bool) { return quotient(r.Detected, r.Expected) }

// Precision is the share of the runs that fired it in which it was expected: Detected ÷
// Fired. ok is false where it never fired.
func (r Row) Precision() (share float64, ok bool) { return quotient(r.Detected, r.Fired) }

func quotient(part, whole int) (float64, bool) {
	if whole == 0 {
		return 0, false
	}
	return float64(part) / float64(whole), true
}

// Matrix are the rows of all alerts that any run expected, forbade or fired, by alert,
// tier and target.
func Matrix(reports []result.Report) []Row {
	rows := map[rowKey]*tally{}
	for _, o := range once(reports) {
		if o.run.T0 == nil {
			continue
		}
		for k, seen := range sightings(o.run) {
			k.target = o.target.Kind
			if rows[k] == nil {
				rows[k] = &tally{Row: Row{Alert: k.alert, Tier: k.tier, Target: k.target}}
			}
			rows[k].add(*seen)
		}
	}
	out := make([]Row, 0, len(rows))
	for _, t := range rows {
		out = append(out, t.row())
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Tier, b.Tier))
	})
	return out
}

// Total is all rows together. It has no times: those of different alerts say nothing
// together.
func Total(rows []Row) Row {
	var sum Row
	for _, r := range rows {
		sum.Expected += r.Expected
		sum.Detected += r.Detected
		sum.Fired += r.Fired
		sum.Forbidden += r.Forbidden
		sum.Violated += r.Violated
		sum.Asked += r.Asked
		sum.Delivered += r.Delivered
	}
	return sum
}

type rowKey struct{ alert, tier, target string }

// sighting is what one run shows of one row.
type sighting struct {
	expected, fired, forbidden, violated bool
	asked, delivered                     bool
	took                                 *result.Seconds // where it was expected
	earliest, latest                     *result.Seconds
	unbounded                            bool // predicted, without a latest time
}

// sightings are those of one run. Series of one alert, of several replicas say, count as one.
func sightings(r result.Run) map[rowKey]*sighting {
	seen := map[rowKey]*sighting{}
	at := func(alert string, labels map[string]string) *sighting {
		k := rowKey{alert: alert, tier: labels[labelTier]}
		if seen[k] == nil {
			seen[k] = &sighting{}
		}
		return seen[k]
	}
	for _, a := range r.Alerts {
		if a.Measured != nil && firedSince(a, *r.T0) {
			at(a.Name, a.Labels).fire(r, a)
		}
	}
	for _, e := range missing(r) {
		at(cmp.Or(e.Match[labelAlert], e.Name), e.Match).expected = true
	}
	if rules := r.Evidence.Before.Rules; rules != nil {
		for _, rule := range rules.Wanted {
			if slices.ContainsFunc(r.Spec.Forbid, func(m result.AlertMatch) bool { return matches(m, rule.Alert, rule.Labels) }) {
				at(rule.Alert, rule.Labels).forbidden = true
			}
		}
	}
	return seen
}

// firedSince says whether an alert began to fire after t: what fired before the fault is not
// its doing.
func firedSince(a result.Alert, t time.Time) bool {
	return slices.ContainsFunc(a.Firing, func(s result.Span) bool { return !s.Start.Before(t) })
}

// missing are the expected alerts of which the run shows that they did not fire.
func missing(r result.Run) []result.ExpectedAlert {
	var outcomes []result.Outcome
	for _, a := range r.Asserts {
		if a.Kind == result.AssertExpect {
			outcomes = append(outcomes, a.Outcome)
		}
	}
	if len(outcomes) != len(r.Spec.Expect) {
		return nil
	}
	var out []result.ExpectedAlert
	for i, e := range r.Spec.Expect {
		fired := slices.ContainsFunc(r.Alerts, func(a result.Alert) bool { return a.Measured != nil && matches(e.Match, a.Name, a.Labels) })
		if !fired && outcomes[i] != result.Unknown {
			out = append(out, e)
		}
	}
	return out
}

// fire notes that a series fired. The first to fire tells the time.
func (s *sighting) fire(r result.Run, a result.Alert) {
	s.fired = true
	s.violated = s.violated || slices.ContainsFunc(r.Spec.Forbid, func(m result.AlertMatch) bool { return matches(m, a.Name, a.Labels) })
	if !slices.ContainsFunc(r.Spec.Expect, func(e result.ExpectedAlert) bool { return matches(e.Match, a.Name, a.Labels) }) {
		return
	}
	s.expected = true
	if s.took == nil || *a.Measured < *s.took {
		s.took, s.earliest, s.latest = a.Measured, a.PredictedMin, a.PredictedMax
		s.unbounded = a.PredictedMin != nil && a.PredictedMax == nil
	}
	d := r.Evidence.Delivery
	if d == nil || d.None != "" {
		return
	}
	for _, x := range d.Alerts {
		if x.Name == a.Name && maps.Equal(x.Labels, a.Labels) {
			s.asked = true
			s.delivered = s.delivered || x.Seen != nil
		}
	}
}

// tally is a row with the times that it sums up.
type tally struct {
	Row
	took             []result.Seconds
	earliest, latest []result.Seconds
	unbounded        bool
}

func (t *tally) add(s sighting) {
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	count(&t.Expected, s.expected)
	count(&t.Detected, s.expected && s.fired)
	count(&t.Fired, s.fired)
	count(&t.Forbidden, s.forbidden || s.violated)
	count(&t.Violated, s.violated)
	count(&t.Asked, s.asked)
	count(&t.Delivered, s.delivered)
	keep := func(list *[]result.Seconds, v *result.Seconds) {
		if v != nil {
			*list = append(*list, *v)
		}
	}
	keep(&t.took, s.took)
	keep(&t.earliest, s.earliest)
	keep(&t.latest, s.latest)
	t.unbounded = t.unbounded || s.unbounded
}

func (t *tally) row() Row {
	r := t.Row
	if len(t.earliest) > 0 {
		r.Predicted = &Due{Earliest: slices.Min(t.earliest)}
		if len(t.latest) > 0 && !t.unbounded {
			latest := slices.Max(t.latest)
			r.Predicted.Latest = &latest
		}
	}
	if n := len(t.took); n > 0 {
		slices.Sort(t.took)
		r.Measured = &Spread{Least: t.took[0], Median: (t.took[(n-1)/2] + t.took[n/2]) / 2, Most: t.took[n-1]}
	}
	return r
}

// matches says whether an alert has every label that is asked for, its name included.
func matches(want result.AlertMatch, name string, labels map[string]string) bool {
	for label, value := range want {
		have := labels[label]
		if label == labelAlert {
			have = name
		}
		if have != value {
			return false
		}
	}
	return true
}
