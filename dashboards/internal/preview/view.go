package preview

import (
	"context"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// view is one dashboard with the answers to its questions.
type view struct {
	board  lint.Dashboard
	scope  scope
	source string
	chosen map[string][]string
	panels []*panel
	marks  []*asked // of the annotations
	// unchosen is why a variable has no value.
	unchosen error
}

// panel is one panel, or one of those that a panel is repeated as.
type panel struct {
	lint.Panel
	scope   scope
	answers []asked
}

// asked is a question and its answer.
type asked struct {
	target lint.Target
	expr   string
	window prom.Window
	series []prom.Series
	err    error
}

func newView(b lint.Dashboard, cfg Config) (*view, error) {
	from := b.Time.From
	if cfg.From != "" {
		from = cfg.From
	}
	s, err := spanOf(from, cfg.Now)
	if err != nil {
		return nil, err
	}
	return &view{
		board: b, source: cfg.Name, chosen: cfg.Chosen,
		scope: scope{choices: map[string]choice{}, span: s, scrape: cfg.Scrape, interval: s.interval(fullWidth, cfg.Scrape)},
	}, nil
}

// fullWidth is how many points Grafana has room for in a panel as wide as a screen.
const (
	fullWidth = 1440
	columns   = 24
)

// ask puts the dashboard's questions to the source, all at once, and keeps the answers.
func (v *view) ask(ctx context.Context, src Source) {
	v.unchosen = v.choose(ctx, src)
	v.panels = v.placed()
	var all []*asked
	for _, p := range v.panels {
		for i := range p.answers {
			all = append(all, &p.answers[i])
		}
	}
	for _, a := range v.board.Annotations.List {
		if a.Enable && a.Target != nil {
			v.marks = append(v.marks, v.scope.question(*a.Target))
		} else {
			v.marks = append(v.marks, nil)
		}
	}
	var asking sync.WaitGroup
	for _, a := range append(all, v.marks...) {
		if a == nil {
			continue
		}
		asking.Go(func() { a.series, a.err = src.Range(ctx, a.expr, a.window) })
	}
	asking.Wait()
}

// question is a query with its range: the dashboard's, or for an instant its end.
func (s scope) question(t lint.Target) *asked {
	a := &asked{target: t, expr: s.query(t.Expr)}
	if t.Instant {
		a.window = prom.Window{Start: s.span.to, End: s.span.to, Step: time.Second}
		return a
	}
	whole := s.span.aligned(s.interval)
	a.window = prom.Window{Start: whole.from, End: whole.to, Step: s.interval}
	return a
}

// placed are the panels with their places. One that is repeated is there once for each
// chosen value, and moves down what is below it.
func (v *view) placed() []*panel {
	var out []*panel
	down, from := 0, 0
	for _, p := range v.board.Panels {
		if p.Grid.Y >= from {
			p.Grid.Y += down
		}
		values := v.scope.choices[p.Repeat].values
		if p.Repeat == "" || len(values) == 0 {
			out = append(out, v.panel(p, v.scope))
			continue
		}
		const perRow = 4
		each := columns / min(perRow, len(values))
		for i, value := range values {
			one := p
			one.Grid.W, one.Grid.X = each, i%perRow*each
			one.Grid.Y += i / perRow * p.Grid.H
			out = append(out, v.panel(one, v.scope.with(p.Repeat, value)))
		}
		from = p.Grid.Y + p.Grid.H - down
		down += (len(values) - 1) / perRow * p.Grid.H
	}
	return out
}

func (v *view) panel(p lint.Panel, s scope) *panel {
	s.interval = s.span.interval(fullWidth*p.Grid.W/columns, s.scrape)
	out := &panel{Panel: p, scope: s}
	for _, t := range p.Targets {
		out.answers = append(out.answers, *s.question(t))
	}
	return out
}
