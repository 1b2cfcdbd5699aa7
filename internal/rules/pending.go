package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// countsEvents says whether a function counts what happens in a range: a single event is in
// it for as long as the range, and then it is forgotten. Rates do not count here, as an
// alert on one often waits for longer than the range on purpose.
func countsEvents(function string) bool {
	return slices.Contains([]string{"changes", "resets", "increase", "delta", "idelta"}, function)
}

// outlasted says that an alert waits for longer than what it counts can be seen, so that
// what happens once never fires it; empty when it does not.
func outlasted(r rulefmt.Rule) (string, error) {
	expr, err := newParser().ParseExpr(r.Expr)
	if err != nil {
		return "", fmt.Errorf("parse %q: %w", r.Expr, err)
	}
	problem := ""
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		call, ok := n.(*parser.Call)
		if !ok || problem != "" || !countsEvents(call.Func.Name) {
			return nil
		}
		reach := time.Duration(0)
		switch of := call.Args[0].(type) {
		case *parser.MatrixSelector:
			reach = of.Range
		case *parser.SubqueryExpr:
			reach = of.Range
		}
		if pending := time.Duration(r.For); reach > 0 && pending >= reach {
			problem = fmt.Sprintf("for is %s and %s sees what happened for %s: what happens once never fires; make for shorter, or the range longer", r.For, call.Func.Name, window(reach))
		}
		return nil
	})
	return problem, nil
}
