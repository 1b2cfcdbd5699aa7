package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/judge"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// gaps keeps the stretches without an answer since the fault, for every question.
type gaps struct {
	last map[string]time.Time // answer
	list []result.Gap
}

// note takes the outcome of one question that was asked at asked. What did not
// answer was silent until now. t0 is nil before the fault: nothing is kept then.
func (g *gaps) note(name string, asked time.Time, err error, t0 *time.Time) {
	if g.last == nil {
		g.last = map[string]time.Time{}
	}
	if err == nil {
		g.last[name] = asked
		return
	}
	if t0 == nil {
		return
	}
	since := g.last[name]
	if since.Before(*t0) {
		since = *t0
	}
	gap := result.Gap{Name: name, Since: since, Until: instant(), Trouble: *queryTrouble(err)}
	for i := range g.list {
		if g.list[i].Name == name && g.list[i].Since.Equal(since) {
			g.list[i] = gap
			return
		}
	}
	g.list = append(g.list, gap)
}

// left is how long a question may still go without an answer.
func (g *gaps) left(name string, now time.Time) time.Duration {
	return judge.Blindness - now.Sub(g.last[name])
}

// sort brings the list in an order that does not depend on which answer came first.
func (g *gaps) sort() {
	slices.SortStableFunc(g.list, func(a, b result.Gap) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Name, b.Name))
	})
}
