package report

import (
	"fmt"

	"github.com/ballast-sre/ballast/chaos/runner/internal/ledger"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// matrixPage is which alerts fired when they had to.
type matrixPage struct {
	Rows  []matrixRow
	Total matrixRow
}

// matrixRow is one alert, or one tier of it, in words.
type matrixRow struct {
	Alert, Tier          string
	Recall, Precision    string
	Violated             string
	Predicted, Measured  string
	Delivered            string
	Missed, Loud, Unseen bool // an expected one did not fire, an unexpected one did, one was lost
}

// newMatrix is nil where no run expected an alert and none fired.
func newMatrix(r result.Report) *matrixPage {
	all := ledger.Matrix([]result.Report{r})
	p := &matrixPage{Total: newMatrixRow(ledger.Total(all))}
	for _, row := range all {
		if row.Expected+row.Fired > 0 {
			p.Rows = append(p.Rows, newMatrixRow(row))
		}
	}
	if len(p.Rows) == 0 {
		return nil
	}
	return p
}

func newMatrixRow(r ledger.Row) matrixRow {
	return matrixRow{
		Alert: r.Alert, Tier: r.Tier,
		Recall: OutOf(r.Detected, r.Expected), Precision: OutOf(r.Detected, r.Fired), Violated: OutOf(r.Violated, r.Forbidden),
		Predicted: DueText(r.Predicted), Measured: SpreadText(r.Measured), Delivered: OutOf(r.Delivered, r.Asked),
		Missed: r.Detected < r.Expected, Loud: r.Detected < r.Fired, Unseen: r.Delivered < r.Asked,
	}
}

// OutOf is a share with what it is of, and a dash where that is nothing.
func OutOf(part, whole int) string {
	if whole == 0 {
		return chart.None
	}
	return fmt.Sprintf("%d of %d", part, whole)
}

// DueText says when an alert was due, from the fault; a dash where nothing predicts it.
func DueText(d *ledger.Due) string {
	switch {
	case d == nil:
		return chart.None
	case d.Latest == nil:
		return "from " + chart.Seconds(float64(d.Earliest)) + " on"
	}
	return chart.Seconds(float64(d.Earliest)) + " to " + chart.Seconds(float64(*d.Latest))
}

// SpreadText is the median, and between what it lies where there are several values.
func SpreadText(s *ledger.Spread) string {
	switch {
	case s == nil:
		return chart.None
	case s.Least == s.Most:
		return chart.Seconds(float64(s.Median))
	}
	return fmt.Sprintf("%s (%s to %s)", chart.Seconds(float64(s.Median)), chart.Seconds(float64(s.Least)), chart.Seconds(float64(s.Most)))
}
