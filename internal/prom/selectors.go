package prom

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Selectors returns the raw selectors of expr whose freshness decides whether an
// answer can be trusted, each once, in the order of the text. Offsets and @ of
// enclosing subqueries are folded into a selector's own.
//
// Left out are selectors whose absence is an answer: alerts (they have no series
// while they do not fire) and everything under absent or absent_over_time. So are the
// series that are recorded for SLOs: each is as old as the interval of its group allows,
// and a rule that has nothing to record ends its series. It returns ErrBadQuery when expr does not parse.
func Selectors(expr string) ([]string, error) {
	w, err := analyse(expr)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(w))
	for i, s := range w {
		out[i] = s.expr
	}
	return out, nil
}

// MaxRange returns how far before its evaluation time expr looks at the most:
// range, offset and enclosing subqueries added up, never negative. The lookback of
// instant selectors is the server's and not counted; nor are selectors pinned by
// @, which look at the same time whenever they are evaluated. It returns
// ErrBadQuery when expr does not parse.
func MaxRange(expr string) (time.Duration, error) {
	tree, err := parse(expr)
	if err != nil {
		return 0, err
	}
	var most time.Duration
	err = visit(tree, func(s place) error {
		if s.pin == pinNone {
			most = max(most, s.offset+s.reach)
		}
		return nil
	})
	return most, err
}

func parse(expr string) (parser.Expr, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadQuery, err)
	}
	return tree, nil
}

// pin is what fixes a selector's evaluation time, if anything does.
type pin int

const (
	pinNone pin = iota
	pinTime
	pinStart
	pinEnd
)

// selector is one raw selector as it stands to the evaluation time of the whole
// expression.
type selector struct {
	expr   string
	pin    pin
	at     model.Time // with pinTime
	offset time.Duration
}

// reference is the time at which s is read when the expression is evaluated at t
// in a query from start to end.
func (s selector) reference(t, start, end model.Time) model.Time {
	switch s.pin {
	case pinNone:
	case pinTime:
		t = s.at
	case pinStart:
		t = start
	case pinEnd:
		t = end
	}
	return t.Add(-s.offset)
}

// analyse returns what has to be fresh for expr.
func analyse(expr string) (watch, error) {
	tree, err := parse(expr)
	if err != nil {
		return nil, err
	}
	var out watch
	err = visit(tree, func(p place) error {
		if p.absent || generated(p.vector) {
			return nil
		}
		s := selector{expr: p.String(), pin: p.pin, at: p.at, offset: p.offset}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

// place is a vector selector with what stands around it.
type place struct {
	vector *parser.VectorSelector
	pin    pin
	at     model.Time
	offset time.Duration // own and of enclosing subqueries, since the last pin
	reach  time.Duration // ranges of matrix selector and enclosing subqueries
	absent bool          // under a function that answers about absence
}

// String renders the selector alone, with its effective modifiers.
func (p place) String() string {
	v := parser.VectorSelector{
		Name:           p.vector.Name,
		LabelMatchers:  p.vector.LabelMatchers,
		OriginalOffset: p.offset,
	}
	switch p.pin {
	case pinNone:
	case pinTime:
		ms := int64(p.at)
		v.Timestamp = &ms
	case pinStart:
		v.StartOrEnd = parser.START
	case pinEnd:
		v.StartOrEnd = parser.END
	}
	return v.String()
}

// shift adds an offset, which @ at the same node precedes.
func (p *place) shift(at *int64, startOrEnd parser.ItemType, offset time.Duration) {
	switch {
	case at != nil:
		p.pin, p.at, p.offset = pinTime, model.Time(*at), 0
	case startOrEnd == parser.START:
		p.pin, p.offset = pinStart, 0
	case startOrEnd == parser.END:
		p.pin, p.offset = pinEnd, 0
	}
	p.offset += offset
}

// tooFar keeps sums of offsets within what a duration can hold and print.
const tooFar = 100 * 365 * 24 * time.Hour

// visit calls f with every vector selector of the tree.
func visit(tree parser.Expr, f func(place) error) error {
	var failed error
	parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok || failed != nil {
			return failed
		}
		p := place{vector: v}
		for _, above := range path {
			switch n := above.(type) {
			case *parser.Call:
				p.absent = p.absent || n.Func.Name == "absent" || n.Func.Name == "absent_over_time"
			case *parser.SubqueryExpr:
				p.shift(n.Timestamp, n.StartOrEnd, n.OriginalOffset)
				p.reach += n.Range
			case *parser.MatrixSelector:
				p.reach += n.Range
			}
			if failed = p.bounded(); failed != nil {
				return failed
			}
		}
		p.shift(v.Timestamp, v.StartOrEnd, v.OriginalOffset)
		if failed = p.bounded(); failed == nil {
			failed = f(p)
		}
		return failed
	})
	return failed
}

func (p *place) bounded() error {
	if p.offset.Abs() > tooFar || p.reach > tooFar {
		return fmt.Errorf("%w: %s is read more than a hundred years away", ErrBadQuery, p.vector)
	}
	return nil
}

// recordedPrefix begins the names of what is recorded for SLOs.
const recordedPrefix = "ballast_slo:"

// generated is true for the series that rules write: those of alerts, by
// name or, when no name is given, by a label that only they have, and those of SLOs.
func generated(v *parser.VectorSelector) bool {
	named := false
	alert := false
	for _, m := range v.LabelMatchers {
		switch m.Name {
		case model.MetricNameLabel:
			named = true
			if m.Type == labels.MatchEqual && (m.Value == "ALERTS" || m.Value == "ALERTS_FOR_STATE" || strings.HasPrefix(m.Value, recordedPrefix)) {
				return true
			}
		case labels.AlertName, "alertstate":
			alert = true
		}
	}
	return !named && alert
}

// cache keeps analysed expressions: a run asks the same few again and again.
type cache struct {
	mu   sync.Mutex
	seen map[string]watch
}

// maxCached bounds the cache; expressions that hold a time are new each time.
const maxCached = 1024

func newCache() *cache { return &cache{seen: map[string]watch{}} }

func (c *cache) get(expr string) (watch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.seen[expr]; ok {
		return w, nil
	}
	w, err := analyse(expr)
	if err != nil {
		return nil, err
	}
	if len(c.seen) >= maxCached {
		clear(c.seen)
	}
	c.seen[expr] = w
	return w, nil
}
