package experiment

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// checkPromQL refuses an expression that cannot be parsed, that does not yield
// numbers at an instant, or that reads no metric and so could never change.
func checkPromQL(expr string) error {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(ExpandWindow(expr, 10*time.Second))
	if err != nil {
		return fmt.Errorf("not valid PromQL: %s", parseError(err))
	}
	switch parsed.Type() {
	case parser.ValueTypeScalar, parser.ValueTypeVector:
	default:
		return fmt.Errorf("it yields a %s; use an expression that yields one number, such as rate(…[$window])", parser.DocumentedType(parsed.Type()))
	}
	reads := false
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if _, ok := n.(*parser.VectorSelector); ok {
			reads = true
		}
		return nil
	})
	if !reads {
		return errors.New("it reads no metric, so it could not fail; name one")
	}
	return nil
}

// parseError is the first error of an expression; the parser often reports
// others that follow from it.
func parseError(err error) string {
	var many parser.ParseErrors
	if errors.As(err, &many) && len(many) > 0 {
		return many[0].Error()
	}
	return err.Error()
}
