package lint

import (
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// Substitute puts values in the place of variables. Those of Grafana that are not given
// are a minute; others are a word.
func Substitute(text string, values map[string]string) string {
	return use.ReplaceAllStringFunc(text, func(found string) string {
		m := use.FindStringSubmatch(found)
		name := m[1] + m[2]
		if v, ok := values[name]; ok {
			return v
		}
		if strings.HasPrefix(name, "__") {
			return "1m"
		}
		return "value"
	})
}

// target looks at one query.
func (c *checker) target(p Panel, t Target) {
	c.source(p.Title, t.Datasource)
	if t.Instant == t.Range {
		c.add("target", p.Title, "query %s must be either instant or over the range", t.Ref)
	}
	// The last value of a range may be hours old, where a series has ended.
	if overTime := p.Type == "timeseries" || p.Type == "state-timeline" || p.Type == ""; t.Instant == overTime {
		c.add("target", p.Title, "query %s must ask for the end of the range, or in a chart for the whole range", t.Ref)
	}
	if t.Interval != "" {
		c.add("interval", p.Title, "the interval %q of query %s is fixed", t.Interval, t.Ref)
	}
	expr, err := newParser().ParseExpr(Substitute(t.Expr, nil))
	if err != nil {
		c.add("promql", p.Title, "query %s does not parse: %v", t.Ref, err)
		return
	}
	c.windows(p, t)
	c.counters(p, t, expr)
	c.matchers(p, t)
}

// window is a range, or an offset, in a query.
var window = regexp.MustCompile(`\[([^\]]*)\]|offset +(\S+)`)

// windows follow the range and the scrape interval. A fixed one is too short for some
// data source, and too long for some chart.
func (c *checker) windows(p Panel, t Target) {
	for _, m := range window.FindAllStringSubmatch(quoted.ReplaceAllString(t.Expr, `""`), -1) {
		if w := m[1] + m[2]; w != "$__rate_interval" && w != "$__range" {
			c.add("rate-interval", p.Title, "query %s has the fixed window %s; write $__rate_interval or $__range", t.Ref, w)
		}
	}
}

// quoted are texts in a query, which may hold brackets.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// counters are only read through rate and its like, and summed after and not before.
func (c *checker) counters(p Panel, t Target, expr parser.Expr) {
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok || !counter(v.Name) {
			return nil
		}
		if !through(path) {
			c.add("counter", p.Title, "query %s reads the counter %s without rate, increase or changes", t.Ref, v.Name)
		}
		return nil
	})
}

// counter is known by its name, as the exposition formats want it.
func counter(name string) bool {
	for _, suffix := range []string{"_total", "_bucket", "_sum", "_count"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	// The collector of logs names its counters without one.
	return strings.HasPrefix(name, "otelcol_") && strings.HasSuffix(name, "_records")
}

// through is whether the nearest function around is one for counters.
func through(path []parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		if call, ok := path[i].(*parser.Call); ok {
			switch call.Func.Name {
			case "rate", "irate", "increase", "changes", "resets":
				return true
			}
			return false
		}
	}
	return false
}

// matchers with a variable of several values, or all, are regular expressions.
func (c *checker) matchers(p Panel, t Target) {
	many := map[string]bool{}
	for _, v := range c.Templating.List {
		many[v.Name] = v.Multi || v.IncludeAll
	}
	for _, m := range equals.FindAllStringSubmatch(t.Expr, -1) {
		if many[m[1]] && m[1] != p.Repeat {
			c.add("matcher", p.Title, `query %s compares with $%s by "=", which may have several values; write =~`, t.Ref, m[1])
		}
	}
}

// equals is a label that is compared with a variable as it stands.
var equals = regexp.MustCompile(`[^=!]="\$\{?([a-zA-Z_]+)\}?"`)
