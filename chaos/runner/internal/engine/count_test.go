package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// recorded answers every range with the same series, at whole milliseconds as Prometheus
// does.
type recorded struct {
	Querier
	series []prom.Series
	err    error
}

func (r recorded) Range(_ context.Context, _ string, w prom.Window) ([]prom.Series, error) {
	shift := w.Start.Round(time.Millisecond).Sub(epoch)
	for _, s := range r.series {
		for i := range s.Points {
			s.Points[i].T = s.Points[i].T.Add(shift)
		}
	}
	return r.series, r.err
}

func TestEventsBetweenTwoTimes(t *testing.T) {
	unreachable := errors.New("unreachable")
	for name, tc := range map[string]struct {
		series     []prom.Series
		err        error
		bad, total float64
		want       string // of the error
	}{
		"all are counted":               {series: []prom.Series{sli("good", "a", 0, 9, 18, 28), sli("total", "a", 0, 10, 20, 30)}, bad: 2, total: 30},
		"over a reset":                  {series: []prom.Series{sli("good", "a", 5, 15, 3, 13), sli("total", "a", 5, 15, 3, 13)}, total: 23},
		"one missing sample is bridged": {series: []prom.Series{sli("good", "a", 0, missed, 18, 28), sli("total", "a", 0, missed, 20, 30)}, bad: 2, total: 30},
		"two missing samples are not":   {series: []prom.Series{sli("good", "a", 0, missed, missed, 28), sli("total", "a", 0, missed, missed, 30)}, want: "two scrapes"},
		"a counter that went away":      {series: []prom.Series{sli("good", "a", 0, 10, missed, missed), sli("total", "a", 0, 10, missed, missed)}, want: "two scrapes"},
		"a counter that nobody has":     {want: "two scrapes"},
		"Prometheus does not answer":    {err: unreachable, want: "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := CountEvents(t.Context(), recorded{series: tc.series, err: tc.err}, result.SLO{Name: "s"}, epoch.Add(600*time.Microsecond), after(3).Add(600*time.Microsecond), time.Second)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("error %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil || c.Bad != tc.bad || c.Total != tc.total {
				t.Errorf("%v of %v, %v; want %v of %v", c.Bad, c.Total, err, tc.bad, tc.total)
			}
		})
	}
}
