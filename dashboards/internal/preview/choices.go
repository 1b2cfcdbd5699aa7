package preview

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
)

// The types of variables that are known.
const (
	variableDatasource = "datasource"
	variableTextbox    = "textbox"
	variableQuery      = "query"
)

// everything is how Grafana writes, in an address, that all values are chosen.
const everything = "$__all"

// choose finds what each variable of a dashboard stands for: what the reader chose, or else
// what Grafana takes when it opens the dashboard. Variables are asked for in their order,
// since one's query may use those before. Where a query fails, its variable has no value
// and the error is returned beside what was found.
func (v *view) choose(ctx context.Context, src Source) error {
	var errs []error
	for _, d := range v.board.Templating.List {
		c, err := v.choice(ctx, src, d)
		if err != nil {
			errs = append(errs, fmt.Errorf("variable %s: %w", d.Name, err))
		}
		v.scope.choices[d.Name] = c
	}
	return errors.Join(errs...)
}

func (v *view) choice(ctx context.Context, src Source, d lint.Variable) (choice, error) {
	c := choice{label: d.Label, many: d.Multi || d.IncludeAll, allValue: d.AllValue}
	text, _ := d.Query.(string)
	switch d.Type {
	case variableDatasource:
		c.values, c.plain = []string{v.source}, true
		return c, nil
	case variableTextbox:
		c.values, c.plain = []string{text}, true
		if given := v.chosen[d.Name]; len(given) > 0 {
			c.values = given[:1]
		}
		return c, nil
	}
	selector, label, ok := d.Values()
	if d.Type != variableQuery || !ok {
		return c, fmt.Errorf("it is of the type %q with the query %q, and only label_values(selector, label) is known", d.Type, text)
	}
	found, err := src.Values(ctx, label, v.scope.query(selector), v.scope.span.from, v.scope.span.to)
	slices.SortFunc(found, natural)
	given := v.chosen[d.Name]
	switch {
	case len(given) > 0 && !slices.Contains(given, everything) && !slices.Contains(given, "All"):
		c.values = given
	case d.IncludeAll:
		c.values, c.all = found, true
	case len(found) > 0:
		c.values = found[:1]
	default:
		// Grafana compares with nothing then, and every panel that does is empty.
		c.values = []string{""}
	}
	return c, err
}

// natural compares as people sort: by numbers where there are some. cpu2 is before cpu10.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, restA := head(a)
		y, restB := head(b)
		if digit(x[0]) && digit(y[0]) {
			p, q := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if n := len(p) - len(q); n != 0 {
				return n
			}
			x, y = p, q
		}
		if n := strings.Compare(x, y); n != 0 {
			return n
		}
		a, b = restA, restB
	}
	return len(a) - len(b)
}

// head is the longest beginning of digits, or of anything else.
func head(s string) (first, rest string) {
	for i := 1; i < len(s); i++ {
		if digit(s[i]) != digit(s[0]) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
